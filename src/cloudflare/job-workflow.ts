import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers'
import { compactLog } from '../batch/compact-log.ts'
import { eraseKeys } from '../batch/erasure/erase-keys.ts'
import { fillView } from '../batch/fill-view.ts'
import { reblockGroup } from '../batch/reblock-group.ts'
import { runLoad } from '../batch/run-load.ts'
import { runLoadPart } from '../batch/run-load-part.ts'
import { LETTERS } from '../ingest/erase-letters.ts'
import { LABEL_PLACES } from '../offline/erase-labels.ts'
import { makeDataset } from '../offline/make-dataset.ts'
import type { InstanceKind, JobSteps, Platform } from '../platform.ts'
import type { Env, JobParams } from './env.ts'
import { createPlatform } from './platform.ts'
import { createTurns } from './turns.ts'

type Run = (platform: Platform, id: string, steps: JobSteps) => Promise<void>

const RUNS: Readonly<Record<InstanceKind, Run>> = {
  load: runLoad,
  load_part: runLoadPart,
  reblock: reblockGroup,
  compact: compactLog,
  training: makeDataset,
  erase: (platform, id, steps) => eraseKeys(platform, id, { steps, elsewhere: [LETTERS, ...LABEL_PLACES] }),
  fill: fillView,
}

const STEP = {
  retries: { limit: 10, delay: '1 second', backoff: 'exponential' },
  timeout: '10 minutes',
} as const

const YIELD_MS = 10

/** Of this isolate: instances that happen to share it share its memory. */
const turns = createTurns({ now: () => Date.now(), wait: (ms) => scheduler.wait(ms) })

/** One job, durably: each step's outcome is kept, and a run that is cut off goes on after the last of them. */
export class JobWorkflow extends WorkflowEntrypoint<Env, JobParams> {
  override async run({ payload }: Readonly<WorkflowEvent<JobParams>>, step: WorkflowStep): Promise<void> {
    const platform = createPlatform(this.env)
    await RUNS[payload.kind](platform, payload.id, {
      step: (name, work, options) =>
        step.do(name, STEP, async () => {
          // A step may be mostly computing: requests that wait in this isolate come first.
          await scheduler.wait(YIELD_MS)
          return options === undefined ? work() : turns.take(work, options)
        }),
      sleep: (name, ms) => step.sleep(name, ms),
    })
  }
}
