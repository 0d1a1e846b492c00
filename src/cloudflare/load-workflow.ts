import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers'
import { runLoad } from '../batch/run-load.ts'
import type { Env } from './env.ts'
import { createPlatform } from './platform.ts'

interface LoadParams {
  readonly load: string
}

const STEP = {
  retries: { limit: 10, delay: '1 second', backoff: 'exponential' },
  timeout: '10 minutes',
} as const

const YIELD_MS = 10

/** One load as a durable job. */
export class LoadWorkflow extends WorkflowEntrypoint<Env, LoadParams> {
  override async run({ payload }: Readonly<WorkflowEvent<LoadParams>>, step: WorkflowStep): Promise<void> {
    const platform = createPlatform(this.env)
    await runLoad(platform, payload.load, {
      step: (name, work) =>
        step.do(name, STEP, async () => {
          // A chunk is mostly computing: requests that wait in this isolate come first.
          await scheduler.wait(YIELD_MS)
          return work()
        }),
    })
  }
}
