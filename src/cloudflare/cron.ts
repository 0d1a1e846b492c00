import { startDueLoads } from '../batch/start-loads.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import { publishNewest } from '../registry/apply-changes.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'

/** Once a minute: finds landed files, resumes what was cut off, repairs what a crash left half done. */
export async function tick(platform: Platform): Promise<void> {
  const duties = { publishNewest, startDueLoads, wakeWriters }
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
