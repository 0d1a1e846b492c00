import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { ListPlace } from '../platform.ts'

/** Whether a row comes after this place of a list that is newest first; undefined, which is no condition, at its beginning. */
export function isOlder(time: SQLWrapper, id: SQLWrapper, after: ListPlace | undefined): SQL | undefined {
  return after === undefined ? undefined : sql`(${time}, ${id}) < (${after.time}, ${after.id})`
}
