import { compactDueLogs } from '../batch/compact-log.ts'
import { enforceRetention } from '../batch/enforce-retention.ts'
import { resumeJobs, tendWriters, wakeRawWriters } from '../batch/start-jobs.ts'
import { startDueLoads } from '../batch/start-loads.ts'
import { startDueDatasets } from '../offline/schedule-datasets.ts'
import type { Platform } from '../platform.ts'
import { startFills } from '../registry/fill-views.ts'
import { forgetPublications } from '../registry/publish-generation.ts'
import { publishNewest, recompileGeneration } from '../registry/store-generation.ts'

/** A message has left the queue long before: by success or as a dead letter. */
const FAILURE_AGE_MAX_US = 15 * 86_400_000_000

/** A message's last retry comes within the hour: what comes later than a day is a dead letter, replayed by hand. */
const TALLY_AGE_MAX_US = 86_400_000_000

/**
 * For how long a duty is left to who took it: longer than any takes, for two at once would start things twice (which
 * their ids make harmless), and no longer than a duty may rest whose tick was cut off.
 */
const LEASE_US = 300_000_000

/** What Cron does of one kind; answers what was done in a few words, undefined when nothing was due. */
type Duty = (platform: Platform) => Promise<string | undefined>

/**
 * Once a minute: finds landed files, resumes what was cut off, repairs what a crash left half done. Each duty is done
 * by one tick at a time, so that a long one keeps the next tick from none of the others.
 */
export async function tick(platform: Platform): Promise<void> {
  const duties = {
    publishNewest,
    startFills,
    startDueLoads,
    resumeJobs,
    tendWriters,
    wakeRawWriters,
    compactDueLogs,
    enforceRetention,
    startDueDatasets,
    recompilePinned,
    forgetFailures,
    foldTallies,
    forgetPublications,
  }
  const holder = platform.nextId()
  for (const [duty, run] of Object.entries(duties)) {
    try {
      await perform(platform, duty, { run, holder })
    } catch (error) {
      // One duty's fault keeps no other from being done; the next tick tries again.
      platform.log.error('A duty of Cron failed; it is tried again in a minute', {
        duty,
        reason: String(error),
      })
    }
  }
}

/** Does a duty unless another tick is at it, and keeps what came of it. */
async function perform(
  platform: Platform,
  name: string,
  { run, holder }: { readonly run: Duty; readonly holder: string },
): Promise<void> {
  const { clock, cron } = platform
  const startedTime = clock.now()
  if (!(await cron.lease(name, { holder, now: startedTime, until: startedTime + LEASE_US }))) return
  const end = (outcome: string | null, error: string | null) =>
    cron.endRun({ name, startedTime, endedTime: clock.now(), outcome, error }, holder)
  let outcome: string | undefined
  try {
    outcome = await run(platform)
  } catch (error) {
    await end(null, String(error))
    throw error
  }
  await end(outcome ?? null, null)
}

/** The generations that datasets under way are pinned to, and all for an erasure, should another release have compiled them. */
async function recompilePinned(platform: Platform): Promise<undefined> {
  for (const { id, kind } of await platform.jobRecords.listUnfinished()) {
    if (kind === 'erase') {
      for (const { generation } of await platform.registry.list())
        await recompileGeneration(platform, generation)
    }
    if (kind !== 'training') continue
    const dataset = await platform.training.find(id)
    if (dataset?.pins != null) await recompileGeneration(platform, dataset.pins.generation)
  }
}

/** Failures of messages that were taken in later without the note being deleted. */
async function forgetFailures({ deadLetters, clock }: Platform): Promise<undefined> {
  await deadLetters.forgetFailuresBefore(clock.now() - FAILURE_AGE_MAX_US)
}

async function foldTallies({ expectationTallies, clock }: Platform): Promise<undefined> {
  await expectationTallies.fold(clock.now() - TALLY_AGE_MAX_US)
}
