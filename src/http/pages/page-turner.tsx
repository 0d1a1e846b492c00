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

/** The way on in a list that is newest first, and back to its beginning; nothing where all is on one page. */
export function ListTurner({
  path,
  parameter = 'cursor',
  query,
  next,
}: {
  readonly path: string
  /** What its links call the place where a page begins. */
  readonly parameter?: string
  /** Places of this page's lists, by parameter; another list's stays as it is. */
  readonly query: Readonly<Record<string, string | undefined>>
  /** Where the next page begins; undefined where there is none. */
  readonly next: string | undefined
}) {
  const link = (place: string | undefined) => {
    const all = Object.entries({ ...query, [parameter]: place }).filter((one) => one[1] !== undefined)
    return all.length === 0 ? path : `${path}?${new URLSearchParams(all as [string, string][])}`
  }
  if (next === undefined && query[parameter] === undefined) return null
  return (
    <p>
      {query[parameter] !== undefined && <a href={link(undefined)}>Newest</a>}{' '}
      {next !== undefined && <a href={link(next)}>Older</a>}
    </p>
  )
}
