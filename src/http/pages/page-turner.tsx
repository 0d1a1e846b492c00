/** Things of one page of a list, pages counted from 1. */
export const PAGE_ITEMS = 100

/** Where a page stands in its list, and the way to those beside it; nothing where all is on one page. */
export function PageTurner({
  path,
  parameter = 'page',
  page,
  count,
}: {
  readonly path: string
  /** What its links call the page's number. */
  readonly parameter?: string
  readonly page: number
  /** Of the whole list. */
  readonly count: number
}) {
  const start = (page - 1) * PAGE_ITEMS
  const end = Math.min(start + PAGE_ITEMS, count)
  if (start >= count || count <= PAGE_ITEMS) return null
  return (
    <p>
      {`${(start + 1).toLocaleString('en')} to ${end.toLocaleString('en')} of ${count.toLocaleString('en')} `}
      {page > 1 && <a href={`${path}?${parameter}=${page - 1}`}>Before</a>}{' '}
      {end < count && <a href={`${path}?${parameter}=${page + 1}`}>After</a>}
    </p>
  )
}

/** The things of a page. */
export function pageOf<T>(all: readonly T[], page: number): readonly T[] {
  return all.slice((page - 1) * PAGE_ITEMS, page * PAGE_ITEMS)
}
