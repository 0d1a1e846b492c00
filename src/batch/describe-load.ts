import { FeatureStoreError } from '../core/error.ts'
import { formatInstant, type Instant, MICROS_PER_SECOND } from '../core/time.ts'
import type { LoadRecord, LoadStatus, Platform } from '../platform.ts'

export interface LoadReport {
  readonly id: string
  readonly source: string
  readonly file: string
  readonly bytes: number
  readonly status: LoadStatus
  readonly rows: {
    readonly read: number
    readonly written: number
    readonly rejected: number
    readonly quarantined: number
  }
  /** Bad rows that it may have. */
  readonly max_bad_rows: number
  /** Steps: each chunk is read, then synced to the online store. */
  readonly progress: { readonly done: number; readonly total: number }
  /** When its job began to work; null before. */
  readonly started_time: string | null
  readonly ended_time: string | null
  /** Rows read a second so far; null before the first. */
  readonly rows_per_second: number | null
  /** When it will have ended if it goes on as it did; null when nothing tells, or when it has. */
  readonly expected_end_time: string | null
  readonly rejections: readonly { readonly row: number; readonly message: string }[]
  /** Columns of the file that the source does not declare. */
  readonly ignored_columns: readonly string[]
  readonly error?: string
}

/** Rejections one report tells. */
const REJECTIONS_MAX = 100

/** How far a load has come. Throws `not_found`. */
export async function describeLoad(platform: Platform, id: string): Promise<LoadReport> {
  const load = await platform.loads.find(id)
  if (load === undefined)
    throw new FeatureStoreError('not_found', `Cannot find load "${id}": there is none of that id`)
  const chunks = await platform.loads.listChunks(id)
  const sum = (count: (chunk: (typeof chunks)[number]) => number) =>
    chunks.reduce((all, one) => all + count(one), 0)
  const { source, file, bytes, status, ignored, error } = load
  const read = sum((chunk) => chunk.read)
  const progress = {
    done: chunks.length + sum(({ isSynced }) => Number(isSynced)),
    total: load.chunkCount * 2,
  }
  return {
    id,
    source,
    file,
    bytes,
    status,
    rows: {
      read,
      written: sum(({ written }) => written),
      rejected: sum(({ rejected }) => rejected),
      quarantined: sum(({ quarantined }) => quarantined),
    },
    max_bad_rows: load.badRowsMax,
    progress,
    ...pace(load, { ...progress, read, now: platform.clock.now() }),
    rejections: chunks.flatMap(({ rejections }) => rejections).slice(0, REJECTIONS_MAX),
    ignored_columns: ignored,
    ...(error === null ? {} : { error }),
  }
}

function pace(
  { startedTime, endedTime }: LoadRecord,
  {
    done,
    total,
    read,
    now,
  }: { readonly done: number; readonly total: number; readonly read: number; readonly now: Instant },
) {
  const spentUs = startedTime === null ? 0 : (endedTime ?? now) - startedTime
  const isPaced = spentUs > 0 && done > 0
  const isExpected = isPaced && endedTime === null && startedTime !== null
  return {
    started_time: startedTime === null ? null : formatInstant(startedTime),
    ended_time: endedTime === null ? null : formatInstant(endedTime),
    rows_per_second: isPaced ? Math.round((read * MICROS_PER_SECOND) / spentUs) : null,
    expected_end_time: isExpected ? formatInstant(startedTime + Math.round((spentUs * total) / done)) : null,
  }
}
