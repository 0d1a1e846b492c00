import type { NamedType, SegmentSchema } from '../core/segment.ts'
import type { DurationUs } from '../core/time.ts'
import type { EpochUnit, ValueType } from '../core/value.ts'

/**
 * One generation of definitions, compiled: names resolved to positions, durations to microseconds. Immutable,
 * JSON, and all that serving needs to know. Written to KV by apply.
 */
export interface Snapshot {
  readonly format: 2
  readonly generation: number
  readonly entities: Readonly<Record<string, CompiledEntity>>
  readonly sources: Readonly<Record<string, CompiledSource>>
  readonly views: Readonly<Record<string, CompiledView>>
  readonly services: Readonly<Record<string, CompiledService>>
}

export interface CompiledEntity {
  readonly name: string
  readonly joinKeys: readonly NamedType[]
  /** Top bits of the key hash that choose the writer. */
  readonly shardBits: number
  /** Top bits that choose the log bucket; at least 1. */
  readonly bucketBits: number
  /** Sorted by name; none while the entity has no view. */
  readonly groups: readonly CompiledGroup[]
}

/** Views whose rows stand side by side in the same blocks. */
export interface CompiledGroup {
  readonly name: string
  /** Top bits of the key hash that choose the block; at least `shardBits`, at least 1. */
  readonly blockBits: number
  /** `view@version` of its views, in the order in which blocks hold them. */
  readonly views: readonly string[]
  /** At most one KV put of a block in this many milliseconds. */
  readonly publishMs: number
}

export interface CompiledSource {
  readonly name: string
  readonly columns: readonly CompiledColumn[]
  /** Position of the event time column. */
  readonly eventTime: number
  /** Position of the created time column; null where ingest time stands in. */
  readonly createdTime: number | null
  readonly landingFormat: 'parquet' | null
  /** Names of the views computed from it. */
  readonly views: readonly string[]
}

export interface CompiledColumn {
  readonly name: string
  readonly type: ValueType
  readonly required: boolean
  readonly unit: EpochUnit | null
}

export interface CompiledView {
  /** `view@version`. */
  readonly id: string
  readonly name: string
  readonly version: number
  readonly entity: string
  readonly source: string
  /** Name of the group of blocks its rows are in. */
  readonly group: string
  /** Source column of each join key of the entity. */
  readonly keyColumns: readonly number[]
  readonly features: readonly CompiledFeature[]
  readonly ttlUs: DurationUs | null
  /** Its source's retention. */
  readonly retentionUs: DurationUs | null
}

export interface CompiledFeature extends NamedType {
  /** Source column it is taken from. */
  readonly column: number
}

export interface CompiledService {
  readonly name: string
  /** Fields of a request, in order of first use. */
  readonly inputs: readonly NamedType[]
  /** The distinct entities a request row names, once for each group of blocks: each is one row to look up. */
  readonly lookups: readonly CompiledLookup[]
  readonly entries: readonly CompiledEntry[]
  /** Output names and types, in order. */
  readonly features: readonly NamedType[]
}

export interface CompiledLookup {
  readonly entity: string
  /** Position in the entity's `groups` of the blocks to look in. */
  readonly group: number
  /** Position in `inputs` of each join key of the entity. */
  readonly inputs: readonly number[]
}

export interface CompiledEntry {
  readonly view: string
  /** Position in `lookups`. */
  readonly lookup: number
  /** Positions of the taken features in the view. */
  readonly features: readonly number[]
  /** True when `features` is all of the view's features in the view's order. */
  readonly isWhole: boolean
}

/** The columns of a view's log. */
export function segmentSchema(snapshot: Snapshot, view: CompiledView): SegmentSchema {
  return { keys: snapshot.entities[view.entity]!.joinKeys, features: view.features }
}
