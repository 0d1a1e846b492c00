import type { Env as StoreEnv } from '../../../src/cloudflare/env.ts'
import store, { JobWorkflow as StoreJobs } from '../../../src/index.ts'

export { ShardWriterObject } from '../../../src/index.ts'

interface Env extends StoreEnv {
  /** A pattern of the names of steps that are held from the start on; none is. */
  readonly HELD_STEPS?: string
}

/** Between two looks whether a step is still held. */
const LOOK_MS = 20

/** What was asked for last; undefined before. */
let pattern: string | undefined

/**
 * The store's jobs, but that steps are held: their work is done, and what it came to is not kept before they are let go. Else a quick
 * machine has ended a job before anybody can do something to it.
 */
export class JobWorkflow extends StoreJobs {
  override async run(...[event, step]: Parameters<StoreJobs['run']>): Promise<void> {
    const isHeld = (name: string) => {
      const held = pattern ?? (this.env as Env).HELD_STEPS ?? ''
      return held !== '' && new RegExp(held).test(name)
    }
    const held = {
      do: (name: string, config: object, work: () => Promise<never>) =>
        step.do(name, config, async () => {
          const outcome = await work()
          while (isHeld(name)) await scheduler.wait(LOOK_MS)
          return outcome
        }),
      sleep: (name: string, ms: number) => step.sleep(name, ms),
    }
    await super.run(event, held as unknown as typeof step)
  }
}

/** The store as it is deployed, but for `POST /hold?steps=<pattern>`; an empty one lets all go. */
export default {
  ...store,
  fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname !== '/hold') return store.fetch(request, env, context)
    pattern = searchParams.get('steps') ?? ''
    return new Response(null, { status: 204 })
  },
} satisfies ExportedHandler<Env, string>
