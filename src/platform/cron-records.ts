import type { Instant } from '../core/time.ts'
import type { ListPage } from './list-page.ts'

/** What Cron keeps of itself, so that overlapping ticks share its duties and operators see what came of them. */
export interface CronRecords {
  /**
   * Takes a duty's lease, from a holder that let it expire, too. False while another holds it.
   */
  lease(
    duty: string,
    lease: { readonly holder: string; readonly now: Instant; readonly until: Instant },
  ): Promise<boolean>
  /** Keeps what a run came to, in one step with giving back the lease if the holder still has it. */
  endRun(run: DutyRun, holder: string): Promise<void>
  /** Of each duty the last run that did something or failed and the last one that did nothing, newest first. */
  listRuns(): Promise<readonly DutyRun[]>
  /** Notes files that cannot become loads; answers those that were not noted before. */
  noteRefused(files: readonly RefusedFile[]): Promise<readonly RefusedFile[]>
  /** A page of them, newest first; the id of their places is that of `refusedFileId`. */
  listRefused(page: ListPage): Promise<readonly RefusedFile[]>
  /** Which files are noted: so many that come after one, or the first, in the order of source, file and etag. */
  listRefusedKeys(keys: {
    readonly after?: RefusedKey | undefined
    readonly countMax: number
  }): Promise<readonly RefusedKey[]>
  forgetRefused(files: readonly RefusedKey[]): Promise<void>
}

export interface DutyRun {
  readonly name: string
  readonly startedTime: Instant
  readonly endedTime: Instant
  /** What was done, in a few words; null when nothing was due, or when it failed. */
  readonly outcome: string | null
  readonly error: string | null
}

/** A file as it stands, or a folder. */
export interface RefusedKey {
  /** Name of the folder under `landing/`. */
  readonly source: string
  /** Empty for all of the folder. */
  readonly file: string
  /** Empty for all of the folder. */
  readonly etag: string
}

/** A landed file that cannot become a load as it stands. */
export interface RefusedFile extends RefusedKey {
  readonly reason: string
  readonly time: Instant
}

/** One of a file as it stands. */
export function refusedFileId({ source, file, etag }: RefusedKey): string {
  return `${source}/${file}/${etag}`
}
