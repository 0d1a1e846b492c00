import { expect, test, vi } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { HEARTBEAT_MAX_US } from '../../src/batch/start-jobs.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
import { createParquetWriter } from '../../src/core/parquet.ts'
import { openSegment } from '../../src/core/segment.ts'
import { parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryOptions, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const MINUTE = 60_000_000
const CHUNKS = 3
const ROWS_PER_CHUNK = 8
const ROWS = CHUNKS * ROWS_PER_CHUNK
const USERS = ['ann', 'bob', 'eve']

/** Beside the newest click, how many there were: an event counted twice shows. */
const SET: DefinitionSetInput = {
  ...CLICKS,
  feature_views: [
    { ...CLICKS.feature_views![0]!, ttl: '1h' },
    CLICKS.feature_views![1]!,
    {
      name: 'spent',
      entity: 'user',
      source: 'clicks',
      aggregations: [
        { name: 'clicks', function: 'count', sql: 'price', windows: ['1h'] },
        { name: 'total', function: 'sum', sql: 'price', windows: ['1h'] },
      ],
    },
  ],
  feature_services: [{ name: 'spender', features: [{ view: 'last_click' }, { view: 'spent' }] }],
}

/** One row group a chunk. */
function clicksFile(): Uint8Array<ArrayBuffer> {
  const columns = [
    { name: 'at', type: 'timestamp' },
    { name: 'made', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'item', type: 'int64' },
    { name: 'price', type: 'int64' },
  ] as const
  const writer = createParquetWriter(columns)
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const rows = Array.from({ length: ROWS_PER_CHUNK }, (_, at) => chunk * ROWS_PER_CHUNK + at)
    const times = rows.map((row) => NOW - 10 * MINUTE + row)
    writer.write([
      times,
      times,
      rows.map((row) => USERS[row % USERS.length]!),
      rows.map(BigInt),
      rows.map(BigInt),
    ])
  }
  return new Uint8Array(writer.finish())
}

async function createStore(options: MemoryOptions = {}): Promise<MemoryPlatform> {
  const platform = memoryPlatform(NOW, options)
  await applyClicks(platform, SET)
  platform.land('clicks', 'a.parquet', clicksFile())
  return platform
}

const start = (platform: MemoryPlatform) =>
  startLoads(platform, 'clicks', { files: ['a.parquet'], badRowsMax: 0 })

/** What is served, and the row numbers that the log of each view, and the raw one (^), holds. */
async function readOutcome(platform: MemoryPlatform) {
  const { rows } = await serveFeatures(platform, 'spender', {
    parseRows: (service) =>
      parseEntities(
        service,
        USERS.map((user) => ({ user })),
      ),
    features: undefined,
    consistency: 'strong',
  })
  const logged: Record<string, number[]> = {}
  for (const { path, view } of platform.manifest.values()) {
    const bytes = platform.objects.get(path)!
    const file = await openSegment(new Uint8Array(bytes).buffer, { keys: [], features: [] }, path)
    // The price of a row is its number; the raw log has no column for the latter by this name.
    const name = view.startsWith('^') ? 'price' : 'sequence_index'
    const indexes = (await file.readColumn(name, 0, file.rowCount)) as ArrayLike<bigint>
    logged[view] = [...(logged[view] ?? []), ...Array.from(indexes, Number)].sort((a, b) => a - b)
  }
  return { served: rows.map(valuesOf), logged }
}

/** What a reader of the file would say. */
function wantedOutcome(): Awaited<ReturnType<typeof readOutcome>> {
  const all = Array.from({ length: ROWS }, (_, row) => row)
  const served = USERS.map((_, user) => {
    const own = all.filter((row) => row % USERS.length === user)
    return [own.at(-1)!, own.length, own.reduce((sum, row) => sum + row, 0)].map(String)
  })
  return { served, logged: { '^clicks': all, last_click: all, last_sale: all, spent: all } }
}

test('a load cut off before or after any of its effects is started again by Cron and ends exact (S8, S9)', async () => {
  const names: string[] = []
  const whole = await createStore({
    jobEffect(name, run) {
      names.push(name)
      return run()
    },
  })
  await start(whole)
  expect(await readOutcome(whole)).toEqual(wantedOutcome())
  expect(names.filter((name) => name === 'writeChunk')).toHaveLength(2 * CHUNKS)
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
      expect(await readOutcome(platform), where).toEqual(wantedOutcome())
    }
  }
})

test('no step of a load reads the records of all its chunks', async () => {
  const platform = await createStore()
  const listChunks = vi.spyOn(platform.loads, 'listChunks')
  const findChunk = vi.spyOn(platform.loads, 'findChunk')
  await start(platform)
  expect(listChunks).not.toHaveBeenCalled()
  expect(findChunk).toHaveBeenCalledTimes(2 * CHUNKS)
})
