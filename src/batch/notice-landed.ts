import { FeatureStoreError } from '../core/error.ts'
import type { LandedFile, Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { type LandedNotice, readLandedNotice } from './landed-notice.ts'
import { noteRefused, refuseFolder } from './refuse-files.ts'
import { startLanded } from './start-loads.ts'

/** A message whose outcome is `retry` comes again. */
export interface NoticeOutcome {
  readonly status: 'done' | 'retry'
}

type MadeNotice = Extract<LandedNotice, { readonly kind: 'made' }>

/** What a batch of notices came to; `deleted` and `passedOver` count messages. */
interface Counts {
  begun: number
  refused: number
  deleted: number
  passedOver: number
}

/**
 * Begins the loads of files that R2's event notifications name, as Cron does of those it finds: an id of source, name
 * and etag makes one load of what both find (S9). A notice is a hint: what lies in the store's own bucket counts, so one
 * that is late, comes twice or is of another bucket starts nothing that is not due. What was done stands among Cron's runs.
 */
export async function noticeLanded(
  platform: Platform,
  bodies: readonly string[],
): Promise<readonly NoticeOutcome[]> {
  const startedTime = platform.clock.now()
  const counts: Counts = { begun: 0, refused: 0, deleted: 0, passedOver: 0 }
  const noticesBySource = new Map<string, { readonly at: number; readonly notice: MadeNotice }[]>()
  for (const [at, body] of bodies.entries()) {
    const notice = readLandedNotice(body)
    if (notice.kind === 'deleted') counts.deleted++
    else if (notice.kind === 'strange') passOver(platform, counts, notice)
    else noticesBySource.set(notice.source, [...(noticesBySource.get(notice.source) ?? []), { at, notice }])
  }
  const outcomes: NoticeOutcome[] = bodies.map(() => ({ status: 'done' }))
  let failure: string | null = null
  for (const [source, found] of noticesBySource) {
    const notices = found.map(({ notice }) => notice)
    try {
      await beginNoticed(platform, { source, notices }, counts)
    } catch (error) {
      failure = error instanceof FeatureStoreError ? error.message : String(error)
      const facts = { source, reason: failure }
      platform.log.error('Landed files could not be loaded on notice; the messages come again', facts)
      for (const { at } of found) outcomes[at] = { status: 'retry' }
    }
  }
  await keepRun(platform, startedTime, { counts, failure })
  return outcomes
}

function passOver(
  platform: Platform,
  counts: Counts,
  { reason, facts }: { readonly reason: string; readonly facts: Readonly<Record<string, string>> },
): void {
  counts.passedOver++
  platform.log.info('A notification names no file to load and is passed over', { reason, ...facts })
}

/** Begins loads of what has landed for one source. */
async function beginNoticed(
  platform: Platform,
  { source, notices }: { readonly source: string; readonly notices: readonly MadeNotice[] },
  counts: Counts,
): Promise<void> {
  const snapshot = await readWritingSnapshot(platform, { sources: [source] })
  const landed: LandedFile[] = []
  for (const [name, [notice]] of Map.groupBy(notices, (one) => one.name)) {
    const file = await platform.landing.find(source, name)
    const facts = { bucket: notice!.bucket, source, name }
    if (file !== undefined) landed.push(file)
    else passOver(platform, counts, { reason: "the store's bucket holds no such object", facts })
  }
  if (landed.length === 0) return
  const reason = refuseFolder(snapshot, source)
  if (reason !== undefined) {
    const folder = { source, file: '', etag: '', reason, time: platform.clock.now() }
    counts.refused += await noteRefused(platform, [folder])
    return
  }
  const compiled = snapshot.sources[source]!
  const started = await startLanded(platform, snapshot, { source: compiled, badRowsMax: 0, landed })
  counts.begun += started.begun
  counts.refused += await noteRefused(platform, started.refused)
}

async function keepRun(
  { cron, clock, log, nextId }: Platform,
  startedTime: number,
  { counts, failure }: { readonly counts: Counts; readonly failure: string | null },
): Promise<void> {
  const { begun, refused, deleted, passedOver } = counts
  const deeds = [
    `${begun} begun`,
    `${refused} refused`,
    `${deleted} deletions ignored`,
    `${passedOver} passed over`,
  ].filter((deed) => !deed.startsWith('0 '))
  const outcome = failure === null && deeds.length > 0 ? `notices: ${deeds.join(', ')}` : null
  const run = { name: 'noticeLanded', startedTime, endedTime: clock.now(), outcome, error: failure }
  try {
    await cron.endRun(run, nextId())
  } catch (error) {
    const facts = { reason: String(error) }
    log.error('What came of notices could not be kept; loads are not touched by that', facts)
  }
}
