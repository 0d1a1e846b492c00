import type { RowGroupRange } from '../core/parquet.ts'
import type { DurationUs, Instant } from '../core/time.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import { bloomFiltersWorthReading, keysWithin, type SoughtKeys } from './seek-keys.ts'

/** What a join wants of a view's log. */
export interface ScanBounds {
  /** Buckets that hold the keys of some label. */
  readonly buckets: ReadonlySet<string>
  readonly labelTimeMin: Instant
  readonly labelTimeMax: Instant
  /** Only rows ingested at or before this (S5). */
  readonly asOf: Instant | undefined
  /** Only rows registered under this commit or an earlier one (S5). */
  readonly commit: number | undefined
}

/** What a join wants of a segment. */
export interface RowGroupBounds extends Pick<ScanBounds, 'labelTimeMin' | 'labelTimeMax' | 'asOf'> {
  /** Undefined: all keys. */
  readonly sought: SoughtKeys | undefined
}

/** How far back rows count: older ones, at every label, count for none. Null: for ever. */
export interface ScanSpan {
  /** A ttl is no such span: what is past it still says `expired` instead of `missing`. */
  readonly retentionUs: DurationUs | null
}

/** The segments that can hold an answer, out of a view's manifest: pure, so its cost is asserted in tests. */
export function planScan(
  span: ScanSpan,
  manifest: readonly RegisteredSegment[],
  bounds: ScanBounds,
): RegisteredSegment[] {
  const eventTimeMin = oldestWanted(bounds, span)
  return manifest.filter(
    (segment) =>
      bounds.buckets.has(segment.bucket) &&
      segment.eventTimeMin <= bounds.labelTimeMax &&
      segment.eventTimeMax >= eventTimeMin &&
      (bounds.asOf === undefined || segment.ingestTimeMin <= bounds.asOf) &&
      (bounds.commit === undefined || segment.commitMin <= bounds.commit),
  )
}

/** A row group that can hold an answer, as far as statistics tell. */
export interface PlannedRowGroup {
  readonly group: number
  /** The keys that it can hold; undefined: any. */
  readonly sought: SoughtKeys | undefined
  /** Names of the key columns whose bloom filters are to be asked before anything is read. */
  readonly bloomFilters: readonly string[]
}

/** The row groups of a segment that can hold an answer, from their statistics of times and keys. Pure, too. */
export function planRowGroups(
  span: ScanSpan,
  rowGroups: readonly Pick<RowGroupRange, 'bounds' | 'sizes'>[],
  bounds: RowGroupBounds,
): PlannedRowGroup[] {
  const { sought } = bounds
  const eventTimeMin = oldestWanted(bounds, span)
  return [...rowGroups.entries()].flatMap(([group, rowGroup]): PlannedRowGroup[] => {
    const events = timesOf(rowGroup, 'event_time')
    const ingests = timesOf(rowGroup, 'ingest_time')
    const isInTime =
      events.min <= bounds.labelTimeMax &&
      events.max >= eventTimeMin &&
      (bounds.asOf === undefined || ingests.min <= bounds.asOf)
    if (!isInTime) return []
    if (sought === undefined) return [{ group, sought, bloomFilters: [] }]
    const within = keysWithin(sought, rowGroup)
    if (within.keys.length === 0) return []
    return [{ group, sought: within, bloomFilters: bloomFiltersWorthReading(within, rowGroup) }]
  })
}

function oldestWanted(
  { labelTimeMin }: Pick<ScanBounds, 'labelTimeMin'>,
  { retentionUs }: ScanSpan,
): Instant {
  return retentionUs === null ? Number.NEGATIVE_INFINITY : labelTimeMin - retentionUs
}

function timesOf(group: Pick<RowGroupRange, 'bounds'>, column: string) {
  const { min, max } = group.bounds(column) ?? {}
  return {
    min: typeof min === 'number' ? min : Number.NEGATIVE_INFINITY,
    max: typeof max === 'number' ? max : Number.POSITIVE_INFINITY,
  }
}
