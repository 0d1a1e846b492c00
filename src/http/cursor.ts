import { invalid } from '../core/error.ts'
import type { ListCut, ListPlace } from '../platform.ts'

/** Time and id, as `next` of an answer. */
export function encodeCursor({ time, id }: ListPlace): string {
  return `${time}~${id}`
}

/** Throws `invalid_argument` for what no page has given. */
export function decodeCursor(cursor: string, parameter?: string): ListPlace {
  const [, time, id] = /^(\d{1,16})~(.+)$/s.exec(cursor) ?? []
  if (time === undefined || id === undefined) throw foreignCursor(parameter)
  return { time: Number(time), id }
}

/** `next` of an answer; nothing where no page follows. */
export function nextOf({ last, hasMore }: ListCut<unknown>): { next?: string } {
  return hasMore && last !== undefined ? { next: encodeCursor(last) } : {}
}

/** The same of an answer that has a page of several lists: while one of them has more, where each goes on. */
export function nextOfAll(lists: readonly ListCut<unknown>[]): { next?: string } {
  if (!lists.some(({ hasMore }) => hasMore)) return {}
  return {
    next: lists.map(({ last }) => (last === undefined ? '' : encodeURIComponent(encodeCursor(last)))).join(),
  }
}

/** Where each of so many lists goes on; undefined: at its beginning. Throws `invalid_argument` for what no page has given. */
export function decodeCursors(cursor: string, count: number): readonly (ListPlace | undefined)[] {
  const parts = cursor.split(',')
  if (parts.length !== count || parts.every((part) => part === '')) throw foreignCursor()
  return parts.map((part) => (part === '' ? undefined : decodeCursor(decodePart(part))))
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw foreignCursor()
  }
}

export function foreignCursor(parameter = 'cursor') {
  return invalid(
    `Cannot read parameter "${parameter}": it is none of this route, take "next" of a page before`,
  )
}
