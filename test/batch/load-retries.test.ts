import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { failLoad } from '../../src/batch/load-under-way.ts'
import { runLoad } from '../../src/batch/run-load.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import type { JobSteps } from '../../src/platform.ts'
import type { MemoryPlatform } from '../platform/memory-platform.ts'
import { clicksFile, clicksStore, readOutcome, wantedOutcome } from './counted-clicks.ts'

const FILE = { chunks: 3, rowsPerChunk: 2 }
const BYTES = clicksFile(FILE)
const STEPS: JobSteps = { step: (_name, work) => work(), sleep: async () => {} }

/** Two attempts of one load, each of which is held before one of its effects until it is let go. */
async function createAttempts(isHeld: Readonly<Record<Attempt, (name: string, at: number) => boolean>>) {
  const within = new AsyncLocalStorage<Attempt>()
  const counts = { first: 0, second: 0 }
  const whenHeld: Partial<Record<Attempt, () => void>> = {}
  const letGo: Partial<Record<Attempt, (error?: FeatureStoreError) => void>> = {}
  const platform: MemoryPlatform = await clicksStore(BYTES, {
    async jobEffect(name, run) {
      const attempt = within.getStore()
      if (attempt === undefined || letGo[attempt] !== undefined) return run()
      if (!isHeld[attempt](name, counts[attempt]++)) return run()
      await new Promise<void>((resolve, reject) => {
        letGo[attempt] = (error) => (error === undefined ? resolve() : reject(error))
        whenHeld[attempt]!()
      })
      return run()
    },
  })
  Object.assign(platform, {
    jobs: { start: async () => {}, restart: async () => {}, stop: async () => {} },
  })
  return {
    platform,
    /** Lets an attempt run until it is held or has ended; answers how to go on with it, undefined when it has ended. */
    async run(attempt: Attempt, id: string) {
      const held = new Promise<void>((resolve) => {
        whenHeld[attempt] = resolve
      })
      const ended = within.run(attempt, () => runLoad(platform, id, STEPS)).catch((error: unknown) => error)
      await Promise.race([held, ended])
      if (letGo[attempt] === undefined) return undefined
      return (error?: FeatureStoreError) => {
        letGo[attempt]!(error)
        return ended
      }
    },
  }
}
type Attempt = 'first' | 'second'

/** Between the first chunk of a run and its second; of one that history shows already, before the first that it marks. */
function midway() {
  let written = 0
  return (name: string) => {
    if (name === 'writeChunk') return written++ === 1
    return name === 'markSynced' || name === 'deleteKept'
  }
}

const keptOf = ({ objects }: MemoryPlatform) =>
  [...objects.keys()].filter((path) => path.startsWith('loads/'))

async function stateOf({ loads, manifest }: MemoryPlatform, id: string) {
  return structuredClone([await loads.find(id), await loads.listChunks(id), [...manifest.keys()]])
}

test.each([
  ['goes on', undefined],
  ['fails for good', new FeatureStoreError('failed_precondition', 'It was for the first attempt')],
])(
  'an attempt that is held before any of its effects, and %s while the next is under way, changes nothing of it (S9)',
  async (_, error) => {
    let at = 0
    for (let isOver = false; !isOver; at++) {
      const { platform, run } = await createAttempts({
        first: (_name, effect) => effect === at,
        second: midway(),
      })
      const start = async () => (await startLoads(platform, 'clicks', { files: ['a.parquet'] }))[0]!
      const { id } = await start()
      const first = await run('first', id)
      isOver = first === undefined
      if (first === undefined) continue
      await failLoad(platform, id, {
        attempt: 0,
        error: new FeatureStoreError('failed_precondition', 'Somebody else failed it'),
      })
      expect(await start(), `effect ${at}`).toMatchObject({ id, status: 'queued', attempt: 1 })
      const second = await run('second', id)
      const [before, kept] = [await stateOf(platform, id), keptOf(platform)]
      expect(before[0], `effect ${at}`).toMatchObject({ status: 'running', attempt: 1 })
      await first(error)
      expect(await stateOf(platform, id), `effect ${at}`).toEqual(before)
      // What goes on may keep the same again, and deletes what it kept: nothing relies on that being there.
      if (error !== undefined) expect(keptOf(platform), `effect ${at}`).toEqual(kept)
      expect(await second!()).toBeUndefined()
      expect(await describeLoad(platform, id), `effect ${at}`).toMatchObject({
        status: 'succeeded',
        progress: { done: 2 * FILE.chunks, total: 2 * FILE.chunks },
      })
      expect(await readOutcome(platform), `effect ${at}`).toEqual(wantedOutcome(FILE))
    }
    expect(at).toBeGreaterThan(20)
  },
)

test('of two that try a failed load again at once one begins it, and both are answered', async () => {
  const { platform } = await createAttempts({ first: () => false, second: () => false })
  const restarts: string[] = []
  const start = async () => (await startLoads(platform, 'clicks', { files: ['a.parquet'] }))[0]!
  const { id } = await start()
  const error = new FeatureStoreError('failed_precondition', 'It failed')
  await failLoad(platform, id, { attempt: 0, error })
  Object.assign(platform.jobs, { restart: async (_kind: string, one: string) => void restarts.push(one) })
  const answers = await Promise.all([start(), start()])
  expect(answers).toMatchObject([
    { status: 'queued', attempt: 1 },
    { status: 'queued', attempt: 1 },
  ])
  expect(restarts).toEqual([id])
})
