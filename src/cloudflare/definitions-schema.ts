import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { DefinitionIndex } from '../definitions/definition-index.ts'
import type { SnapshotIndex } from '../definitions/snapshot-index.ts'
import { SETTLED, type Transition } from '../definitions/transition.ts'
import type { ViewVersion } from '../platform.ts'

// Times are microseconds since the epoch. Serving never touches these tables.

/** Applied states of all definitions; immutable. */
export const generations = sqliteTable('generations', {
  generation: integer().primaryKey(),
  appliedTime: integer('applied_time').notNull(),
  author: text().notNull(),
  /** Hashes of its definitions. */
  index: text('definitions', { mode: 'json' }).$type<DefinitionIndex>().notNull(),
  /** Version and fingerprint of every feature view, by name. */
  versions: text({ mode: 'json' }).$type<Readonly<Record<string, ViewVersion>>>().notNull(),
  /** Block bits of the groups of blocks that have grown, by `entity/group`. */
  blockBits: text('block_bits', { mode: 'json' })
    .$type<Readonly<Record<string, number>>>()
    .notNull()
    .default({}),
  /** Which versions are being filled or kept up, and for whom. */
  transition: text({ mode: 'json' }).$type<Transition>().notNull().default(SETTLED),
})

/** What each generation was compiled to. */
export const snapshots = sqliteTable('snapshots', {
  generation: integer().primaryKey(),
  content: text({ mode: 'json' }).$type<SnapshotIndex>().notNull(),
  /** Whether readers may still find it in KV. */
  isPublished: integer('is_published', { mode: 'boolean' }).notNull().default(true),
})

/** Definitions, and what they were compiled to, by the hash of their text: what generations have in common is there once. */
export const definitionPieces = sqliteTable(
  'definition_pieces',
  {
    hash: text().notNull(),
    /** From 0: a row holds at most 2 MB. */
    part: integer().notNull(),
    content: text().notNull(),
    writtenTime: integer('written_time').notNull(),
    /** Whether a generation names it. */
    isNamed: integer('is_named', { mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.hash, table.part] }),
    index('unnamed_pieces').on(table.writtenTime).where(sql`is_named = 0`),
  ],
)

/** Every version a view ever had, so that no number is given twice. */
export const viewVersions = sqliteTable(
  'view_versions',
  {
    view: text().notNull(),
    version: integer().notNull(),
    fingerprint: text().notNull(),
    /** Generation that made it. */
    generation: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.view, table.version] })],
)
