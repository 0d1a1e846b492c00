import type { Instant } from '../core/time.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import type { CompiledView } from '../definitions/snapshot.ts'

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

/**
 * The segments that can hold an answer, out of a view's manifest. Pure, so its cost is asserted in tests.
 * A row past its retention or its ttl at every label cannot be a value, but it can still say `expired` instead of
 * `missing`: only retention lets old segments be left alone.
 */
export function planScan(
  view: Pick<CompiledView, 'retentionUs'>,
  manifest: readonly RegisteredSegment[],
  bounds: ScanBounds,
): RegisteredSegment[] {
  const eventTimeMin =
    view.retentionUs === null ? Number.NEGATIVE_INFINITY : bounds.labelTimeMin - view.retentionUs
  return manifest.filter(
    (segment) =>
      bounds.buckets.has(segment.bucket) &&
      segment.eventTimeMin <= bounds.labelTimeMax &&
      segment.eventTimeMax >= eventTimeMin &&
      (bounds.asOf === undefined || segment.ingestTimeMin <= bounds.asOf) &&
      (bounds.commit === undefined || segment.commitMin <= bounds.commit),
  )
}

/** The earliest and latest of label times. */
export function timeBounds(times: ArrayLike<Instant>): Pick<ScanBounds, 'labelTimeMin' | 'labelTimeMax'> {
  let [labelTimeMin, labelTimeMax] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let label = 0; label < times.length; label++) {
    labelTimeMin = Math.min(labelTimeMin, times[label]!)
    labelTimeMax = Math.max(labelTimeMax, times[label]!)
  }
  return { labelTimeMin, labelTimeMax }
}
