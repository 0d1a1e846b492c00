import { resumeJobs, tendWriters } from '../batch/start-jobs.ts'
import { startDueLoads } from '../batch/start-loads.ts'
import type { Platform } from '../platform.ts'
import { publishNewest } from '../registry/apply-changes.ts'

/** Once a minute: finds landed files, resumes what was cut off, repairs what a crash left half done. */
export async function tick(platform: Platform): Promise<void> {
  const duties = { publishNewest, startDueLoads, resumeJobs, tendWriters }
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
