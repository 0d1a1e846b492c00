import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import type { CompiledView } from '../definitions/snapshot.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import type { SqlDialect } from './sql-dialect.ts'

/** What a training dataset is made of, for an engine to make it. */
export interface SqlExport {
  readonly resolved: ResolvedService
  /** Paths of Parquet files, in order, and their columns. */
  readonly labels: { readonly paths: readonly string[]; readonly columns: readonly NamedType[] }
  readonly asOf: Instant
  readonly commit: number
  readonly isKnowledgeCutoff: boolean
  readonly hasStatuses: boolean
  /** Segments that count, by view id. */
  readonly segments: ReadonlyMap<string, readonly RegisteredSegment[]>
  /** Likewise the tombstones of each entity, by its name. */
  readonly tombstones: ReadonlyMap<string, readonly RegisteredSegment[]>
  /** Where the bucket is, without a slash at its end. */
  readonly base: string
}

/** A named part of the query. */
export interface CommonTable {
  readonly name: string
  readonly sql: string
}

/** One entry of the service, to be read at each label. */
export interface EntryRead {
  readonly view: CompiledView
  /** What the part is to be called; its columns are `label_row` and, for feature n, `e…_fn` and `e…_sn`. */
  readonly name: string
  readonly features: readonly number[]
  /** Columns of `labels` that are the entity's join keys, in order. */
  readonly keys: readonly string[]
  readonly given: SqlExport
}

/** A column of a file as expressions see it: a time has no zone. */
export function columnValue(dialect: SqlDialect, { name, type }: NamedType): string {
  const column = dialect.name(name)
  if (dialect.engine === 'spark') return column
  if (type === 'timestamp') return dialect.time(dialect.micros(column))
  if (type === 'list<timestamp>')
    return `list_transform(${column}, lambda x: ${dialect.time(dialect.micros('x'))})`
  return column
}
