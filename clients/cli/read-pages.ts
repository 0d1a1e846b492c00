import type { Api } from './api.ts'

/** All pages of a list, in their order; `path` has a query. */
export async function readPages<T>(api: Api, path: string): Promise<readonly T[]> {
  const pages: T[] = []
  for (let cursor = ''; ; ) {
    const page = await api.request<T & { readonly next?: string }>('GET', path + cursor)
    pages.push(page)
    if (page.next === undefined) return pages
    cursor = `&cursor=${encodeURIComponent(page.next)}`
  }
}
