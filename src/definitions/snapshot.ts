import type { NamedType, SegmentSchema } from '../core/segment.ts'
import type { TypedExpression } from '../core/sql/typed-expression.ts'
import type { TextFormat } from '../core/text-piece.ts'
import type { DurationUs } from '../core/time.ts'
import type { OnFailure } from '../core/transform.ts'
import type { EpochUnit, ValueType } from '../core/value.ts'
import type { WindowAggregation } from '../core/window/window-plan.ts'

/** Snapshots of another format are compiled again before they are used. */
export const SNAPSHOT_FORMAT = 7

/**
 * One generation of definitions, compiled: names resolved to positions, durations to microseconds. Immutable, JSON. It is stored in
 * pieces (`snapshot-index.ts`); one that is read holds those that were asked for.
 */
export interface Snapshot extends ServingSnapshot {
  readonly format: typeof SNAPSHOT_FORMAT
  readonly sources: Readonly<Record<string, CompiledSource>>
  readonly views: Readonly<Record<string, CompiledView>>
  /** Every version that there is, by id, whether it was asked for or not. */
  readonly facts: Readonly<Record<string, ViewFacts>>
  /** By entity. */
  readonly layouts: Readonly<Record<string, EntityLayout>>
  /** All names that there are, whether they were asked for or not. */
  readonly names: { readonly sources: readonly string[]; readonly services: readonly string[] }
}

/** What reads are served from. */
export interface ServingSnapshot {
  readonly generation: number
  readonly entities: Readonly<Record<string, CompiledEntity>>
  /** By id: several versions of a view may be there at once (S33). */
  readonly views: Readonly<Record<string, ServedView>>
  /** Those that services read. */
  readonly onDemandViews: Readonly<Record<string, CompiledOnDemandView>>
  readonly services: Readonly<Record<string, CompiledService>>
  /** Services that cannot be used yet, and the ids of the views they wait for to be filled. */
  readonly pending: Readonly<Record<string, readonly string[]>>
  readonly layouts: Readonly<Record<string, EntityLayout>>
}

/** Where a version of a view belongs. */
export interface ViewFacts {
  readonly entity: string
  readonly source: string
  /** Name of its group of blocks. */
  readonly group: string
  /** How often its blocks may be put. */
  readonly publishMs: number
  /** False for an older version of which the source has lost a column: it stays as it is, no row reaches it. */
  readonly isComputed: boolean
}

/** What the writers of an entity have to know of its versions, by id; of those that are being filled, too. */
export interface EntityLayout {
  /** Columns of their logs. */
  readonly schemas: Readonly<Record<string, SegmentSchema>>
  /** The windows of each that has some. */
  readonly windows: Readonly<Record<string, CompiledWindows>>
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
  /** Ids of versions that are being filled: writers keep their rows, no block shows them yet (S33). */
  readonly unfilled: readonly string[]
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
  /** Bits that choose which writer of raw rows takes a message. */
  readonly shardBits: number
  readonly columns: readonly CompiledColumn[]
  /** Position of the event time column. */
  readonly eventTime: number
  /** Position of the created time column; null where ingest time stands in. */
  readonly createdTime: number | null
  readonly landing: LandingFormat | null
  readonly expectations: readonly CompiledExpectation[]
  /** Ids of the views computed from it. */
  readonly views: readonly string[]
}

export type LandingFormat = { readonly kind: 'parquet' } | TextFormat

export interface CompiledExpectation {
  readonly name: string
  readonly onFailure: OnFailure
  readonly expression: TypedExpression
}

export interface CompiledColumn {
  readonly name: string
  readonly type: ValueType
  readonly required: boolean
  readonly unit: EpochUnit | null
}

/** A version of a view as reads are served from it. */
export interface ServedView {
  /** `view@version`. */
  readonly id: string
  readonly name: string
  readonly version: number
  readonly entity: string
  /** Name of the group of blocks its rows are in. */
  readonly group: string
  /** What it serves. */
  readonly features: readonly NamedType[]
  /** Null for a view that serves its latest row. */
  readonly windows: CompiledWindows | null
  readonly ttlUs: DurationUs | null
  /** Its source's retention. */
  readonly retentionUs: DurationUs | null
}

/** A version of a view. Its expressions are over the columns of its source. */
export interface CompiledView extends ServedView {
  readonly source: string
  /** Rows for which this is not true are left out; null takes all. */
  readonly where: TypedExpression | null
  /** Each join key of the entity. */
  readonly keys: readonly TypedExpression[]
  /** What a row of it holds, in the log and on its way there: its features, or what its windows are made of. */
  readonly columns: readonly CompiledFeature[]
  /** The Worker that sees a row before the expressions do; null where SQL is all. */
  readonly transform: CompiledTransform | null
}

/** A method of a bound Worker. What it returns for a row stands behind the source's columns. */
export interface CompiledTransform {
  readonly service: string
  readonly method: string
  readonly returns: readonly NamedType[]
}

/** A view's aggregations; what they take are the first columns of its rows, by position. */
export interface CompiledWindows {
  readonly aggregations: readonly WindowAggregation[]
  /** Whether the last column of its rows is the event's id (S9). */
  readonly hasEventId: boolean
}

export interface CompiledFeature extends NamedType {
  readonly expression: TypedExpression
}

/** Its features' expressions are over its inputs, by position. */
export interface CompiledOnDemandView {
  readonly name: string
  readonly inputs: readonly (NamedType & { readonly from: 'request' | 'features' })[]
  readonly features: readonly CompiledFeature[]
}

export interface CompiledService {
  readonly name: string
  /** Fields of a request, in order of first use: join keys, then request inputs. */
  readonly inputs: readonly NamedType[]
  /** The distinct entities a request row names, once for each group of blocks: each is one row to look up. */
  readonly lookups: readonly CompiledLookup[]
  /** What is read. */
  readonly entries: readonly CompiledEntry[]
  /** Output names and types, in order. */
  readonly features: readonly NamedType[]
  /** What is computed of it; null where the entries, in order, are the answer. */
  readonly onDemand: CompiledOnDemand | null
}

/**
 * What a service computes for each row of a request or of labels. Values stand in slots:
 *
 *     the service's inputs | reads | features, each once it is computed
 */
export interface CompiledOnDemand {
  /** Stored features that expressions read, those of one entry side by side. */
  readonly reads: readonly CompiledRead[]
  /** In the order in which they are computed: each reads only slots before its own. */
  readonly features: readonly CompiledComputation[]
  /** The service's features, part by part. */
  readonly answer: readonly AnswerPart[]
}

export interface CompiledRead {
  /** Position in the service's `entries`. */
  readonly entry: number
  /** Position among the features of that entry. */
  readonly feature: number
  readonly type: ValueType
}

export interface CompiledComputation {
  /** Name of the on-demand view. */
  readonly view: string
  /** Position in the view. */
  readonly feature: number
  readonly type: ValueType
  /** The inputs of the view that its expression reads, by position, and the slots where they stand. */
  readonly inputs: readonly { readonly column: number; readonly slot: number }[]
}

/** Features that stand together: all of an entry, or some that are computed, by position in `features`. */
export type AnswerPart =
  | { readonly kind: 'stored'; readonly entry: number }
  | { readonly kind: 'computed'; readonly features: readonly number[] }

export interface CompiledLookup {
  readonly entity: string
  /** Name of the group of blocks to look in. */
  readonly group: string
  /** Position in `inputs` of each join key of the entity. */
  readonly inputs: readonly number[]
  /** Ids of the views that the service reads in these blocks: one that lacks any of them is of no use. */
  readonly views: readonly string[]
}

export interface CompiledEntry {
  /** Id of the view. */
  readonly view: string
  /** Position in `lookups`. */
  readonly lookup: number
  /** Positions of the taken features in the view. */
  readonly features: readonly number[]
  /** True when `features` is all of the view's features in the view's order. */
  readonly isWhole: boolean
}

/** The columns of a view's log. */
export function segmentSchema(
  { entities }: Pick<Snapshot, 'entities'>,
  { entity, columns }: CompiledView,
): SegmentSchema {
  return { keys: entities[entity]!.joinKeys, features: columns.map(({ name, type }) => ({ name, type })) }
}

/** What is in force before the first apply. */
export const EMPTY_SNAPSHOT: Snapshot = {
  format: SNAPSHOT_FORMAT,
  generation: 0,
  entities: {},
  sources: {},
  views: {},
  onDemandViews: {},
  services: {},
  pending: {},
  facts: {},
  layouts: {},
  names: { sources: [], services: [] },
}
