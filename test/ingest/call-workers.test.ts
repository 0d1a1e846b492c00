import { beforeEach, expect, test } from 'vitest'
import { startLoads } from '../../src/batch/start-loads.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { parseInstant } from '../../src/core/time.ts'
import { keepDeadLetters } from '../../src/ingest/keep-dead-letters.ts'
import { readLabel } from '../../src/ingest/message-label.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform, type TransformMethod } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const EVENT = { at: '2026-01-01T00:00:00Z', made: '2026-01-01T00:00:00Z', user: 'ann', item: 1, price: 7 }

const [lastClick, lastSale] = CLICKS.feature_views!
const DOUBLED = {
  ...lastClick!,
  transform: { service: 'PRICES', method: 'double' },
  features: [
    { name: 'price', type: 'int64' as const, sql: '"doubled" + 1' },
    { name: 'doubled', type: 'int64' as const },
  ],
}

let platform: MemoryPlatform
let calls: number
beforeEach(async () => {
  platform = memoryPlatform(START)
  bind((rows) => rows.map(({ price }) => ({ doubled: (price as bigint) * 2n })))
  await applyClicks(platform, { ...CLICKS, feature_views: [DOUBLED, lastSale!] })
})

function bind(double: TransformMethod): void {
  calls = 0
  platform.workers.set('PRICES', {
    double(rows) {
      calls++
      return double(rows)
    },
  })
}

const push = () => pushEvents(platform, { source: 'clicks', events: [EVENT] })

/** Cells of the rows in the log, by view. */
async function logged(): Promise<Record<string, string[]>> {
  const layouts = Object.values(platform.memory.written!.entities)
  const lines: string[] = []
  for (const entity of layouts) {
    for (let shard = 0; shard < 2 ** entity.shardBits; shard++) {
      const layout = { generation: platform.memory.written!.generation, entity, shard, logged: {} }
      const waiting = await platform.writers.readWaiting(layout as never, ['last_click@1', 'last_sale@1'])
      if (waiting !== '') lines.push(...waiting.split('\n'))
    }
  }
  const cells = lines.map((line) => [line.split('\t')[0]!, line.split('\t').at(-1)!] as const)
  return Object.fromEntries(
    Object.entries(Object.groupBy(cells, ([view]) => view)).map(([view, rows]) => [
      view,
      rows!.map(([, cell]) => cell),
    ]),
  )
}

test('a message delivered twice has the effect of once, whatever its Worker answers the second time (S9)', async () => {
  await push()
  const body = platform.queue[0]!
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  bind((rows) => rows.map(() => ({ doubled: 0n })))
  platform.queue.push(body)
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  expect(calls).toBe(1)
  expect(await logged()).toEqual({ 'last_click@1': ['15,14'], 'last_sale@1': ['7'] })
})

test('a message whose Worker fails comes again and ends as a dead letter with the reason; other views have it', async () => {
  bind(() => {
    throw new Error('no prices today')
  })
  await push()
  const body = platform.queue[0]!
  const reason = 'View "last_click": PRICES.double() failed: no prices today'
  expect(await platform.consume(10)).toEqual([{ status: 'retry', reason }])
  expect(await logged()).toEqual({ 'last_sale@1': ['7'] })
  await keepDeadLetters(platform, [{ body, attempts: 1, sentTime: START }])
  expect(await platform.deadLetters.find([readLabel(body).id])).toMatchObject([{ reason, attempts: 10 }])
})

test('rows that an expectation keeps back are not sent to a Worker', async () => {
  const [source] = CLICKS.sources!
  const expectations = [{ name: 'usual', sql: 'price < 5', on_failure: 'quarantine' as const }]
  await applyClicks(platform, {
    ...CLICKS,
    sources: [{ ...source!, expectations }],
    feature_views: [DOUBLED, lastSale!],
  })
  await push()
  await platform.consume()
  expect(calls).toBe(0)
  expect(await platform.quarantine.list({ source: 'clicks', countMax: 1 })).toMatchObject([{ rowCount: 1 }])
})

test('a load whose Worker fails is tried again, and nothing of it shows before (S30)', async () => {
  const columns = ['at', 'made'].map((name) => ({ name, type: 'timestamp' as const, values: [START] }))
  platform.land(
    'clicks',
    'one.parquet',
    writeParquet([
      ...columns,
      { name: 'user', type: 'string', values: ['ann'] },
      { name: 'item', type: 'int64', values: [1n] },
      { name: 'price', type: 'int64', values: [7n] },
    ]),
  )
  let isDown = true
  bind((rows) => {
    if (isDown) throw new Error('no prices today')
    return rows.map(({ price }) => ({ doubled: (price as bigint) * 2n }))
  })
  const start = () => startLoads(platform, 'clicks', { files: ['one.parquet'], badRowsMax: 0 })
  await expect(start()).rejects.toThrow('View "last_click": PRICES.double() failed: no prices today')
  const [load] = await platform.loads.list('clicks')
  expect(load).toMatchObject({ status: 'running', error: expect.stringContaining('no prices today') })
  expect(platform.manifest.size).toBe(0)
  isDown = false
  await platform.jobs.restart('load', load!.id)
  expect(await platform.loads.find(load!.id)).toMatchObject({ status: 'succeeded', error: null })
  expect([...platform.manifest.keys()].filter((path) => path.includes('last_click'))).toHaveLength(1)
})
