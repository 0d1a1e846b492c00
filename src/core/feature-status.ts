import type { DurationUs, Instant } from './time.ts'

/** What is known of a value beside the value; absence is a status, not an error. */
export const FEATURE_STATUSES = ['present', 'null', 'missing', 'expired', 'error'] as const
export type FeatureStatus = (typeof FEATURE_STATUSES)[number]

/** How long a view's rows count, by its own ttl and its source's retention. */
export interface RowLifetime {
  readonly ttlUs: DurationUs | null
  readonly retentionUs: DurationUs | null
}

/**
 * What a view's newest row is worth at `at` (S3): exactly ttl old is still served, one microsecond more is expired;
 * past its source's retention it counts as never written. The same rule online (at now) and in history (at the label).
 */
export function rowStatus(
  lifetime: RowLifetime,
  eventTime: Instant,
  at: Instant,
): 'present' | 'missing' | 'expired' {
  const age = at - eventTime
  if (lifetime.retentionUs !== null && age > lifetime.retentionUs) return 'missing'
  return lifetime.ttlUs !== null && age > lifetime.ttlUs ? 'expired' : 'present'
}
