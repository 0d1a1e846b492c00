import { expect, test, vi } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { HEARTBEAT_MAX_US } from '../../src/batch/start-jobs.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
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

test('no step of a load reads the records of all its chunks', async () => {
  const platform = await createStore()
  const listChunks = vi.spyOn(platform.loads, 'listChunks')
  const findChunk = vi.spyOn(platform.loads, 'findChunk')
  await start(platform)
  expect(listChunks).not.toHaveBeenCalled()
  expect(findChunk).toHaveBeenCalledTimes(2 * FILE.chunks)
})
