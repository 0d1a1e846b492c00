import { sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Instant } from '../core/time.ts'
import { definitionPieces } from './definitions-schema.ts'

/** Characters, all of them ASCII, of one row: D1 takes 2 MB. */
const PART_CHARS_MAX = 1_500_000
/** Rows of one statement: D1 binds at most 100 values. */
const STATEMENT_ROWS = 20
/** Characters of one transaction, and hashes of one query: what they bring is held in memory at once. */
const BATCH_CHARS_MAX = 4_000_000
const QUERY_HASHES = 200

/** Texts by their hashes, put together again of the rows that hold them. */
export async function readPieces(
  db: DrizzleD1Database,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { hash, part, content } = definitionPieces
  const distinct = [...new Set(hashes)]
  const texts = new Map<string, string>()
  for (let at = 0; at < distinct.length; at += QUERY_HASHES) {
    const wanted = JSON.stringify(distinct.slice(at, at + QUERY_HASHES))
    const rows = await db
      .select({ hash, content })
      .from(definitionPieces)
      .where(sql`${hash} IN (SELECT value FROM json_each(${wanted}))`)
      .orderBy(hash, part)
    for (const row of rows) texts.set(row.hash, (texts.get(row.hash) ?? '') + row.content)
  }
  return texts
}

type PieceRow = typeof definitionPieces.$inferInsert

/** Stores texts by their hashes. One that is stored already is as good as new: nobody forgets it before it is named. */
export async function writePieces(
  db: DrizzleD1Database,
  texts: ReadonlyMap<string, string>,
  writtenTime: Instant,
): Promise<void> {
  const rows = [...texts].flatMap(([hash, text]) =>
    Array.from({ length: Math.max(1, Math.ceil(text.length / PART_CHARS_MAX)) }, (_, part): PieceRow => {
      const content = text.slice(part * PART_CHARS_MAX, (part + 1) * PART_CHARS_MAX)
      return { hash, part, content, writtenTime }
    }),
  )
  for (const batch of groupRows(rows)) {
    const [first, ...rest] = batch.map((some) => insertRows(db, some))
    await db.batch([first!, ...rest])
  }
}

function insertRows(db: DrizzleD1Database, rows: PieceRow[]) {
  return db
    .insert(definitionPieces)
    .values(rows)
    .onConflictDoUpdate({
      target: [definitionPieces.hash, definitionPieces.part],
      set: { writtenTime: sql`excluded.written_time` },
    })
}

/** Statements of a few rows each, in transactions of a bounded size. */
function groupRows(rows: readonly PieceRow[]): PieceRow[][][] {
  const batches: PieceRow[][][] = []
  let chars = 0
  for (const row of rows) {
    const batch = batches.at(-1)
    const statement = batch?.at(-1)
    if (batch === undefined || chars + row.content.length > BATCH_CHARS_MAX) {
      batches.push([[row]])
      chars = 0
    } else if (statement!.length === STATEMENT_ROWS) batch.push([row])
    else statement!.push(row)
    chars += row.content.length
  }
  return batches
}
