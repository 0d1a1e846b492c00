import { formatInstant } from '../core/time.ts'
import type { Platform } from '../platform.ts'

export interface CronReport {
  readonly cron: readonly {
    /** Of a duty, as `docs/operations.md` lists them. */
    readonly name: string
    readonly started_time: string
    readonly ended_time: string
    /** What was done; null when nothing was due or when it failed. */
    readonly outcome: string | null
    readonly error?: string
  }[]
  readonly refused_files: readonly {
    readonly source: string
    /** Null for all files of the folder. */
    readonly file: string | null
    readonly reason: string
    readonly time: string
  }[]
}

/** What Cron did last, duty by duty, and the landed files it refuses, both newest first. */
export async function describeCron({ cron }: Platform, refusedMax: number): Promise<CronReport> {
  const [runs, refused] = await Promise.all([cron.listRuns(), cron.listRefused(refusedMax)])
  return {
    cron: runs.map(({ name, startedTime, endedTime, outcome, error }) => ({
      name,
      started_time: formatInstant(startedTime),
      ended_time: formatInstant(endedTime),
      outcome,
      ...(error === null ? {} : { error }),
    })),
    refused_files: refused.map(({ source, file, reason, time }) => ({
      source,
      file: file === '' ? null : file,
      reason,
      time: formatInstant(time),
    })),
  }
}
