import { and, desc, eq, lt, max, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import { assembleDefinitions, definitionHashes } from '../definitions/definition-index.ts'
import { pieceHashes } from '../definitions/snapshot-index.ts'
import type { Clock, GenerationHead, Registry } from '../platform.ts'
import { definitionPieces, generations, snapshots, viewVersions } from './definitions-schema.ts'
import { readPieces, writePieces } from './pieces-d1.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** Definitions in D1. One `batch` is one transaction, so a generation is there whole or not at all. */
export function registryD1(db: DrizzleD1Database, clock: Clock): Registry {
  return unavailableOnOutage('the definitions in D1', {
    async readGeneration() {
      const [row] = await db.select({ newest: max(generations.generation) }).from(generations)
      return row?.newest ?? 0
    },
    async read(generation) {
      const head = await readHead(db, generation)
      if (head === undefined) return undefined
      const texts = await readPieces(db, definitionHashes(head.index))
      return { ...head, definitions: assembleDefinitions(head.index, texts) }
    },
    readHead: (generation) => readHead(db, generation),
    async list(page) {
      const { generation, appliedTime, author } = generations
      const query = db.select({ generation, appliedTime, author }).from(generations).orderBy(desc(generation))
      if (page === undefined) return query
      const { before, countMax } = page
      return query.where(before === undefined ? undefined : lt(generation, before)).limit(countMax)
    },
    async readVersions() {
      const rows = await db
        .select({ view: viewVersions.view, newest: max(viewVersions.version) })
        .from(viewVersions)
        .groupBy(viewVersions.view)
      return Object.fromEntries(rows.map(({ view, newest }) => [view, newest ?? 0]))
    },
    async listVersions(view) {
      const { version, generation } = viewVersions
      return db
        .select({ version, generation })
        .from(viewVersions)
        .where(eq(viewVersions.view, view))
        .orderBy(desc(version))
    },
    readPieces: (hashes) => readPieces(db, hashes),
    writePieces: (texts) => writePieces(db, texts, clock.now()),
    async forgetPieces(before) {
      const { isNamed, writtenTime } = definitionPieces
      const gone = await db
        .delete(definitionPieces)
        .where(and(eq(isNamed, false), lt(writtenTime, before)))
        .returning({ hash: definitionPieces.hash })
      return gone.length
    },
    async insert(generation, snapshot) {
      const hashes = [...definitionHashes(generation.index), ...pieceHashes(snapshot)]
      try {
        await db.batch([
          db.insert(generations).values(generation),
          db.insert(snapshots).values({ generation: generation.generation, content: snapshot }),
          insertVersions(db, generation),
          namePieces(db, hashes),
        ])
        return true
      } catch (error) {
        if (isUniqueViolation(error)) return false
        throw error
      }
    },
    async readSnapshot(generation) {
      const [row] = await db.select().from(snapshots).where(eq(snapshots.generation, generation))
      return row?.content
    },
    async replaceSnapshot(content) {
      const change = { content, isPublished: true }
      await db.batch([
        db
          .insert(snapshots)
          .values({ generation: content.generation, ...change })
          .onConflictDoUpdate({ target: snapshots.generation, set: change }),
        namePieces(db, pieceHashes(content)),
      ])
    },
    async listPublished() {
      const { generation, isPublished } = snapshots
      const rows = await db
        .select({ generation })
        .from(snapshots)
        .where(eq(isPublished, true))
        .orderBy(desc(generation))
      return rows.map((row) => row.generation)
    },
    async endPublication(generation) {
      await db.update(snapshots).set({ isPublished: false }).where(eq(snapshots.generation, generation))
    },
  })
}

async function readHead(db: DrizzleD1Database, generation?: number): Promise<GenerationHead | undefined> {
  const query = db.select().from(generations).orderBy(desc(generations.generation)).limit(1)
  const [row] = await (generation === undefined ? query : query.where(eq(generations.generation, generation)))
  return row
}

/** One statement with two parameters, whatever the number of views: D1 binds at most 100. */
function insertVersions(db: DrizzleD1Database, { generation, versions }: GenerationHead) {
  const rows = JSON.stringify(Object.entries(versions).map(([view, version]) => ({ view, ...version })))
  return db
    .insert(viewVersions)
    .select(
      sql`SELECT value ->> 'view', value ->> 'version', value ->> 'fingerprint', ${generation} FROM json_each(${rows}) WHERE true`,
    )
    .onConflictDoNothing()
}

/** From now on these pieces stay: only what was written and never named is forgotten. */
function namePieces(db: DrizzleD1Database, hashes: readonly string[]) {
  const { hash, isNamed } = definitionPieces
  return db
    .update(definitionPieces)
    .set({ isNamed: true })
    .where(and(eq(isNamed, false), sql`${hash} IN (SELECT value FROM json_each(${JSON.stringify(hashes)}))`))
}

function isUniqueViolation(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes('UNIQUE constraint failed')) return true
  }
  return false
}
