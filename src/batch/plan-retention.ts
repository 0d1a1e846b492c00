import type { DurationUs, Instant } from '../core/time.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'

/** What is to be done with a log so that it keeps nothing past its source's retention (S3). */
export interface PlannedRetention {
  /** Segments of which every row is past it. */
  readonly past: readonly RegisteredSegment[]
  /** Segments of which some are, and the oldest for long: they are written anew without those. */
  readonly straddling: readonly RegisteredSegment[]
  /** Rows before this are past it. */
  readonly cutoff: Instant
}

/** A segment is written anew at most ten times in the course of a retention, so its rows stay a tenth longer at most. */
const SLACK = 0.1

/** By the bounds that the manifest has of each segment. Pure. */
export function planRetention(
  manifest: readonly RegisteredSegment[],
  { retentionUs, now }: { readonly retentionUs: DurationUs; readonly now: Instant },
): PlannedRetention {
  // Exactly as old as the retention still counts.
  const cutoff = now - retentionUs
  const past = manifest.filter(({ eventTimeMax }) => eventTimeMax < cutoff)
  const straddling = manifest.filter(
    ({ eventTimeMin, eventTimeMax }) => eventTimeMax >= cutoff && eventTimeMin < cutoff - retentionUs * SLACK,
  )
  return { past, straddling, cutoff }
}
