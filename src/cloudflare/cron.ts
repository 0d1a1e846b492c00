import { compactDueLogs } from '../batch/compact-log.ts'
import { resumeJobs, tendWriters, wakeRawWriters } from '../batch/start-jobs.ts'
import { startDueLoads } from '../batch/start-loads.ts'
import { startDueDatasets } from '../offline/schedule-datasets.ts'
import type { Platform } from '../platform.ts'
import { publishNewest, recompileGeneration } from '../registry/apply-changes.ts'
import { startFills } from '../registry/fill-views.ts'

/** A message has left the queue long before: by success or as a dead letter. */
const FAILURE_AGE_MAX_US = 15 * 86_400_000_000

/** A message's last retry comes within the hour: what comes later than a day is a dead letter, replayed by hand. */
const TALLY_AGE_MAX_US = 86_400_000_000

/** Once a minute: finds landed files, resumes what was cut off, repairs what a crash left half done. */
export async function tick(platform: Platform): Promise<void> {
  const duties = {
    publishNewest,
    startFills,
    startDueLoads,
    resumeJobs,
    tendWriters,
    wakeRawWriters,
    compactDueLogs,
    startDueDatasets,
    recompilePinned,
    forgetFailures,
    foldTallies,
  }
  for (const [duty, run] of Object.entries(duties)) {
    try {
      await run(platform)
    } catch (error) {
      // One duty's fault keeps no other from being done; the next tick tries again.
      platform.log.error('A duty of Cron failed; it is tried again in a minute', {
        duty,
        reason: String(error),
      })
    }
  }
}

/** The generations that datasets under way are pinned to, and all for an erasure, should another release have compiled them. */
async function recompilePinned(platform: Platform): Promise<void> {
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
async function forgetFailures({ deadLetters, clock }: Platform): Promise<void> {
  await deadLetters.forgetFailuresBefore(clock.now() - FAILURE_AGE_MAX_US)
}

async function foldTallies({ expectationTallies, clock }: Platform): Promise<void> {
  await expectationTallies.fold(clock.now() - TALLY_AGE_MAX_US)
}
