import { AsyncLocalStorage } from 'node:async_hooks'
import type { InstanceKind, JobSteps, Jobs, StepOutcome } from '../../src/platform.ts'

type Ended = 'complete' | 'errored' | 'terminated'

interface Instance {
  readonly kind: InstanceKind
  readonly id: string
  readonly steps: Map<string, StepOutcome>
  status: 'running' | Ended
  /** Goes on to the end of its step, though another one has taken its place or it was ended. */
  isSuperseded: boolean
}

/** Runs jobs side by side, effect by effect, in an order that chance decides; what the platform may do to one a test may. */
export interface JobEngine {
  readonly jobs: Jobs
  /** Every effect of a job is one turn; it may fail, before or after. */
  readonly effect: <T>(name: string, run: () => Promise<T>) => Promise<T>
  /** Lets one of the jobs go on by one effect; false when none can. */
  next(): Promise<boolean>
  /** Cuts off all of them, as a power cut does: the engine believes that they are running. */
  cut(): void
  /** Cuts off one, of which the engine says that it has failed, believes that it is running, or which it resumes. */
  hit(how: 'fail' | 'lose' | 'resume', kind?: InstanceKind): void
  readonly instances: ReadonlyMap<string, Pick<Instance, 'status'>>
}

const ATTEMPTS_MAX = 10

export function createJobEngine(
  random: () => number,
  {
    run,
    wait,
    isFaulty,
  }: {
    readonly run: (kind: InstanceKind, id: string, steps: JobSteps) => Promise<void>
    readonly wait: (ms: number) => void
    readonly isFaulty: () => boolean
  },
): JobEngine {
  const instances = new Map<string, Instance>()
  const within = new AsyncLocalStorage<Instance>()
  let waiting: { readonly instance: Instance; readonly go: () => void }[] = []
  let active = 0
  let whenIdle: () => void = () => {}

  const rest = () => {
    active--
    if (active === 0) whenIdle()
  }
  async function turn(instance: Instance): Promise<void> {
    const gone = new Promise<void>((go) => waiting.push({ instance, go }))
    rest()
    await gone
  }
  /** Chosen among what is there, by chance. */
  const choose = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)]

  function launch(kind: InstanceKind, id: string, steps = new Map<string, StepOutcome>()): void {
    supersede(id)
    const instance: Instance = { kind, id, steps, status: 'running', isSuperseded: false }
    instances.set(id, instance)
    active++
    void within.run(instance, async () => {
      const ended = await run(kind, id, stepsOf(instance)).then(
        (): Ended => 'complete',
        (): Ended => 'errored',
      )
      if (!instance.isSuperseded) instance.status = ended
      rest()
    })
  }

  function supersede(id: string): void {
    const instance = instances.get(id)
    if (instance?.status === 'running') instance.isSuperseded = true
  }

  function drop(lost: (instance: Instance) => boolean): void {
    waiting = waiting.filter(({ instance }) => !lost(instance))
  }

  function stepsOf(instance: Instance): JobSteps {
    const between = async () => {
      await turn(instance)
      if (!instance.isSuperseded) return
      rest()
      await new Promise(() => {})
    }
    return {
      async step(name, work) {
        await between()
        for (let attempt = 1; ; attempt++) {
          const kept = instance.steps.get(name)
          if (kept !== undefined) return kept
          try {
            const outcome = await work()
            await between()
            instance.steps.set(name, outcome)
          } catch (error) {
            if (attempt === ATTEMPTS_MAX) throw error
          }
        }
      },
      async sleep(_name, ms) {
        wait(ms)
        await between()
      },
    }
  }

  async function effect<T>(name: string, work: () => Promise<T>): Promise<T> {
    const instance = within.getStore()
    if (instance === undefined) return work()
    await turn(instance)
    if (!isFaulty()) return work()
    if (random() < 0.5) await work()
    throw new Error(`${name} was cut off`)
  }

  const isRunning = (id: string) => instances.get(id)?.status === 'running'
  return {
    instances,
    effect,
    jobs: {
      start: (kind, id) =>
        effect('jobs.start', async () => {
          if (!isRunning(id)) launch(kind, id)
        }),
      restart: (kind, id) => effect('jobs.restart', async () => launch(kind, id)),
      stop: (id) =>
        effect('jobs.stop', async () => {
          if (!isRunning(id)) return
          supersede(id)
          instances.get(id)!.status = 'terminated'
        }),
    },
    async next() {
      const chosen = choose(waiting)
      if (chosen === undefined) return false
      waiting = waiting.filter((one) => one !== chosen)
      const idle = new Promise<void>((resolve) => {
        whenIdle = resolve
      })
      active++
      chosen.go()
      await idle
      return true
    },
    cut() {
      drop(() => true)
    },
    hit(how, kind) {
      const able = waiting.filter(({ instance: one }) => !one.isSuperseded && one.kind === (kind ?? one.kind))
      const instance = choose(able)?.instance
      if (instance === undefined) return
      drop((one) => one === instance)
      if (how === 'fail') instance.status = 'errored'
      if (how === 'resume') launch(instance.kind, instance.id, instance.steps)
    },
  }
}
