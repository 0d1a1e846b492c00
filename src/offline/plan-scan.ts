import type { RowGroupRange } from '../core/parquet.ts'
import type { DurationUs, Instant } from '../core/time.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'

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

/** The row groups of a segment that can hold an answer, by position, from their statistics. Pure, too. */
export function planRowGroups(
  span: ScanSpan,
  rowGroups: readonly Pick<RowGroupRange, 'bounds'>[],
  bounds: Pick<ScanBounds, 'labelTimeMin' | 'labelTimeMax' | 'asOf'>,
): number[] {
  const eventTimeMin = oldestWanted(bounds, span)
  return [...rowGroups.keys()].filter((at) => {
    const events = timesOf(rowGroups[at]!, 'event_time')
    const ingests = timesOf(rowGroups[at]!, 'ingest_time')
    return (
      events.min <= bounds.labelTimeMax &&
      events.max >= eventTimeMin &&
      (bounds.asOf === undefined || ingests.min <= bounds.asOf)
    )
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
