import { expect, test, vi } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { HEARTBEAT_MAX_US } from '../../src/batch/start-jobs.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import type { MemoryOptions, MemoryPlatform } from '../platform/memory-platform.ts'
import { clicksFile, clicksStore, readOutcome, wantedOutcome } from './counted-clicks.ts'

const FILE = { chunks: 3, rowsPerChunk: 8 }
const ROWS = FILE.chunks * FILE.rowsPerChunk

const createStore = (options: MemoryOptions = {}) => clicksStore(clicksFile(FILE), options)

const start = (platform: MemoryPlatform) =>
  startLoads(platform, 'clicks', { files: ['a.parquet'], badRowsMax: 0 })

test('a load cut off before or after any of its effects is started again by Cron and ends exact (S8, S9)', async () => {
  const names: string[] = []
  const whole = await createStore({
    jobEffect(name, run) {
      names.push(name)
      return run()
    },
  })
  await start(whole)
  expect(await readOutcome(whole)).toEqual(wantedOutcome(FILE))
  for (const name of ['writeChunk', 'markSynced'])
    expect(names.filter((one) => one === name)).toHaveLength(FILE.chunks)
  for (let cut = 0; cut < names.length; cut++) {
    for (const isBefore of [true, false]) {
      let effects = 0
      const platform = await createStore({
        async jobEffect(_name, run) {
          if (effects++ !== cut) return run()
          if (!isBefore) await run()
          throw new Error('power cut')
        },
      })
      await expect(start(platform)).rejects.toThrow('power cut')
      platform.crash()
      platform.time.now += HEARTBEAT_MAX_US + 1
      await startDueLoads(platform)
      const { loads } = platform
      const [load] = await loads.list('clicks')
      const where = `${isBefore ? 'before' : 'after'} effect ${cut}, ${names[cut]}`
      const report = await describeLoad(platform, load!.id)
      expect(report, where).toMatchObject({ status: 'succeeded', rows: { read: ROWS, written: ROWS } })
      expect(await readOutcome(platform), where).toEqual(wantedOutcome(FILE))
    }
  }
})

/** Has the writers refuse for good what they are given next, after so many deliveries. */
function refuseAfter(platform: MemoryPlatform, accepted: number): void {
  const { deliver } = platform.writers
  let left = accepted
  Object.assign(platform.writers, {
    async deliver(...given: Parameters<typeof deliver>) {
      if (left-- === 0) throw new FeatureStoreError('failed_precondition', 'Refused')
      return deliver(...given)
    },
  })
}

test('a load that fails once history shows its rows goes on from there when it is started again (S8, S9)', async () => {
  for (let accepted = 0; accepted < 2 * FILE.chunks; accepted++) {
    const platform = await createStore()
    refuseAfter(platform, accepted)
    const { id } = (await start(platform))[0]!
    const registered = [...platform.manifest.keys()]
    expect(registered).not.toEqual([])
    expect(await describeLoad(platform, id)).toMatchObject({
      status: 'failed',
      error: 'Refused',
      rows: { read: ROWS, written: ROWS },
    })
    expect((await start(platform)).map((load) => load.id)).toEqual([id])
    expect(await describeLoad(platform, id)).toMatchObject({
      status: 'succeeded',
      rows: { read: ROWS, written: ROWS },
      progress: { done: 2 * FILE.chunks, total: 2 * FILE.chunks },
    })
    expect([...platform.manifest.keys()]).toEqual(registered)
    expect(await readOutcome(platform)).toEqual(wantedOutcome(FILE))
  }
})

test('what a load keeps may be deleted late, for a run before, at any of its effects: it is made again (S8, S9)', async () => {
  let isOver = false
  let at = 0
  for (; !isOver; at++) {
    let effects = 0
    const platform: MemoryPlatform = await createStore({
      async jobEffect(name, run) {
        const outcome = await run()
        if (name !== 'deleteKept' && effects++ === at)
          await platform.loads.deleteKept((await platform.loads.listUnfinished())[0]?.id ?? '')
        return outcome
      },
    })
    await start(platform)
    isOver = effects <= at
    const [load] = await platform.loads.list('clicks')
    expect(await describeLoad(platform, load!.id), `effect ${at}`).toMatchObject({ status: 'succeeded' })
    expect(await readOutcome(platform), `effect ${at}`).toEqual(wantedOutcome(FILE))
  }
  expect(at).toBeGreaterThan(20)
})

test('no step of a load reads the records of all its chunks', async () => {
  const platform = await createStore()
  const listChunks = vi.spyOn(platform.loads, 'listChunks')
  const findChunk = vi.spyOn(platform.loads, 'findChunk')
  await start(platform)
  expect(listChunks).not.toHaveBeenCalled()
  expect(findChunk).toHaveBeenCalledTimes(2 * FILE.chunks)
})
