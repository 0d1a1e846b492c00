import { formatInstant } from '../core/time.ts'
import { cutPage, type ListCut, type ListPage, type Platform, refusedFileId } from '../platform.ts'

export interface RunReport {
  /** Of a duty, as `docs/operations.md` lists them. */
  readonly name: string
  readonly started_time: string
  readonly ended_time: string
  /** What was done; null when nothing was due or when it failed. */
  readonly outcome: string | null
  readonly error?: string
}

export interface RefusedReport {
  readonly source: string
  /** Null for all files of the folder. */
  readonly file: string | null
  readonly reason: string
  readonly time: string
}

/** What Cron did last, duty by duty, newest first. */
export async function describeRuns({ cron }: Platform): Promise<readonly RunReport[]> {
  const runs = await cron.listRuns()
  return runs.map(({ name, startedTime, endedTime, outcome, error }) => ({
    name,
    started_time: formatInstant(startedTime),
    ended_time: formatInstant(endedTime),
    outcome,
    ...(error === null ? {} : { error }),
  }))
}

/** A page of the landed files that Cron refuses, newest first. */
export async function listRefused({ cron }: Platform, page: ListPage): Promise<ListCut<RefusedReport>> {
  const found = await cron.listRefused({ ...page, countMax: page.countMax + 1 })
  const cut = cutPage(found, page, (file) => ({ time: file.time, id: refusedFileId(file) }))
  return {
    ...cut,
    page: cut.page.map(({ source, file, reason, time }) => ({
      source,
      file: file === '' ? null : file,
      reason,
      time: formatInstant(time),
    })),
  }
}
