import { openParquet } from '../core/parquet.ts'
import type { NamedType } from '../core/segment.ts'
import { type ColumnStatistics, columnStatistics } from '../core/statistics.ts'
import type { Instant } from '../core/time.ts'
import type { Value } from '../core/value.ts'
import type { LogName, Platform } from '../platform.ts'

/** A log as its manifest and its newest rows show it. What writers hold and have not cut yet is not in it. */
export interface LogProfile {
  readonly rowCount: number
  readonly segmentCount: number
  readonly bytes: number
  /** Null for a log without rows. */
  readonly newestEventTime: Instant | null
  readonly newestIngestTime: Instant | null
  /** Rows by hour of their arrival, the last day's; the newest last. */
  readonly arrivals: readonly number[]
  /** Rows that the columns' statistics were taken of: the newest. */
  readonly sampleCount: number
  readonly columns: readonly (NamedType & { readonly statistics: ColumnStatistics })[]
}

const HOUR_US = 3_600_000_000
const ARRIVAL_HOURS = 24
/** What a profile reads at the most. */
const SAMPLE_SEGMENTS_MAX = 4
const SAMPLE_ROWS_MAX = 5_000

/** Describes a log and its columns. Reads at most four segments, of each at most one row group of 5,000 rows. */
export async function profileLog(
  platform: Platform,
  log: LogName,
  columns: readonly NamedType[],
): Promise<LogProfile> {
  const { offline, clock } = platform
  const manifest = await offline.list(log.view, log.version)
  const newest = manifest.toSorted((a, b) => b.ingestTimeMax - a.ingestTimeMax || (a.path < b.path ? -1 : 1))
  const samples = columns.map(() => [] as Value[])
  let sampleCount = 0
  for (const segment of newest.slice(0, SAMPLE_SEGMENTS_MAX)) {
    const file = await openParquet(offline.openSegment(segment), `segment "${segment.path}"`)
    const group = file.rowGroups.at(-1)
    if (group === undefined || sampleCount >= SAMPLE_ROWS_MAX) continue
    const rowEnd = Math.min(group.rowEnd, group.rowStart + SAMPLE_ROWS_MAX - sampleCount)
    const known = new Set(file.columns.map(({ name }) => name))
    for (const [at, { name }] of columns.entries()) {
      const values = known.has(name) ? await file.readColumn(name, group.rowStart, rowEnd) : []
      for (let row = 0; row < rowEnd - group.rowStart; row++)
        samples[at]!.push(((values as ArrayLike<Value>)[row] ?? null) as Value)
    }
    sampleCount += rowEnd - group.rowStart
  }
  return {
    rowCount: sum(manifest.map(({ rowCount }) => rowCount)),
    segmentCount: manifest.length,
    bytes: sum(manifest.map(({ bytes }) => bytes)),
    newestEventTime: greatest(manifest.map(({ eventTimeMax }) => eventTimeMax)),
    newestIngestTime: greatest(manifest.map(({ ingestTimeMax }) => ingestTimeMax)),
    arrivals: arrivalsOf(manifest, clock.now()),
    sampleCount,
    columns: columns.map((column, at) => ({
      ...column,
      statistics: columnStatistics(column.type, samples[at]!),
    })),
  }
}

/** A segment's rows count in the hour in which the last of them came. */
function arrivalsOf(
  manifest: readonly { readonly rowCount: number; readonly ingestTimeMax: Instant }[],
  now: Instant,
): number[] {
  const hours = new Array<number>(ARRIVAL_HOURS).fill(0)
  for (const { rowCount, ingestTimeMax } of manifest) {
    const age = Math.floor((now - ingestTimeMax) / HOUR_US)
    if (age >= 0 && age < ARRIVAL_HOURS) hours[ARRIVAL_HOURS - 1 - age]! += rowCount
  }
  return hours
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}

function greatest(times: readonly Instant[]): Instant | null {
  return times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b))
}
