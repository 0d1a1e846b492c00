import { startDueLoads } from '../batch/start-loads.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import { publishNewest } from '../registry/apply-changes.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'

/** A message has left the queue long before: by success or as a dead letter. */
const FAILURE_AGE_MAX_US = 15 * 86_400_000_000

/** Once a minute: finds landed files, resumes what was cut off, repairs what a crash left half done. */
export async function tick(platform: Platform): Promise<void> {
  const duties = { publishNewest, startDueLoads, wakeWriters, forgetFailures }
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

async function wakeWriters(platform: Platform): Promise<void> {
  const snapshot = await readWritingSnapshot(platform)
  for (const { name, shardBits, views } of Object.values(snapshot.entities)) {
    if (views.length === 0) continue
    for (let shard = 0; shard < 2 ** shardBits; shard++) {
      await platform.writers.wake(writerLayout(snapshot, name, shard))
    }
  }
}

/** Failures of messages that were taken in later without the note being deleted. */
async function forgetFailures({ deadLetters, clock }: Platform): Promise<void> {
  await deadLetters.forgetFailuresBefore(clock.now() - FAILURE_AGE_MAX_US)
}
