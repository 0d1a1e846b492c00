import type { DurationUs, Instant } from '../time.ts'

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US

/**
 * S17: by how much the tail of a window moves at once. At most 290 tiles make up a window of up to 12 days.
 */
export function defaultHop(windowUs: DurationUs): DurationUs {
  if (windowUs < 12 * HOUR_US) return 5 * MINUTE_US
  return windowUs < 12 * DAY_US ? HOUR_US : DAY_US
}

/** Start of the hop that holds `time`; hops are counted from 1970-01-01T00:00:00Z, before it too. */
export function hopStart(time: Instant, hopUs: DurationUs): Instant {
  return Math.floor(time / hopUs) * hopUs
}

/**
 * S17: the first instant a window counts at `now`. It is the start of a hop, so the window is whole tiles:
 *
 * ```
 *            now - w                                  now
 *   ──┬─────────│┬──────────┬──────────┬──────────┬────│─────┬──
 *     │◀─ tile ─▶│◀─ tile ─▶│          │          │◀─ head ─▶│
 *     └ windowStart: the hop of now - w counts whole └ nothing past now has happened yet
 * ```
 */
export function windowStart(now: Instant, windowUs: DurationUs, hopUs: DurationUs): Instant {
  return hopStart(now - windowUs, hopUs)
}
