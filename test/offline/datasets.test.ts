import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openParquet, type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue, type Value, type ValueType } from '../../src/core/value.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { startAgain, startDataset } from '../../src/offline/start-dataset.ts'
import type { Platform, TrainingDataset } from '../../src/platform.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { type OracleRow, oracleValue } from '../oracles/latest-row.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'bob', 'a"b,c', 'ü']
const ITEMS = [1n, 2n, 9_007_199_254_740_993n]
const TTL_US = 100 * SECOND

/** A service with windows, an on-demand feature and two entities. */
const DEFINITIONS = {
  ...CLICKS,
  feature_views: [
    ...CLICKS.feature_views!,
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [{ name: 'spent', function: 'sum' as const, sql: 'price', windows: ['1m', '1h'] }],
    },
  ],
  on_demand_views: [
    {
      name: 'relative',
      inputs: [
        { name: 'spent_1h', type: 'int64' as const },
        { name: 'item_price', type: 'int64' as const },
        { name: 'factor', type: 'int64' as const, from: 'request' as const },
      ],
      features: [
        { name: 'share', type: 'float64' as const, sql: 'item_price * factor / nullif(spent_1h, 0)' },
      ],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        { view: 'last_click', prefix: 'user_' },
        { view: 'last_sale', prefix: 'item_' },
        { view: 'activity' },
        { view: 'relative' },
      ],
    },
  ],
}

interface Label {
  readonly user: string
  readonly item: bigint
  readonly time: number
  /** Of the clock by which the time is written (S1). */
  readonly zone: number
}

/** Minutes ahead of UTC. */
const arbitraryZone = fc.constantFrom(0, 0, 90, -330, 14 * 60)

/** An instant as it is written by a clock that many minutes ahead. */
function formatInZone(time: number, zone: number): string {
  const sign = zone < 0 ? '-' : '+'
  const [hours, minutes] = [Math.floor(Math.abs(zone) / 60), Math.abs(zone) % 60].map((part) =>
    String(part).padStart(2, '0'),
  )
  return formatInstant(time + zone * 60 * SECOND).replace('Z', `${sign}${hours}:${minutes}`)
}

const arbitraryRow = fc.record({
  user: fc.constantFrom(...USERS),
  item: fc.constantFrom(...ITEMS),
  atOffset: fc.integer({ min: -200, max: 0 }),
  madeOffset: fc.integer({ min: -200, max: 3 }),
  price: fc.option(fc.integer({ min: -5, max: 5 })),
  zone: arbitraryZone,
})
const arbitraryLabel = fc.record({
  user: fc.constantFrom(...USERS, 'nobody'),
  item: fc.constantFrom(...ITEMS, 7n),
  time: fc.integer({ min: -100, max: 400 }).map((offset) => START + offset * SECOND),
  zone: arbitraryZone,
})
const arbitraryHistory = fc.record({
  pushes: fc.array(fc.array(arbitraryRow, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 10 }),
  labels: fc.array(arbitraryLabel, { maxLength: 20 }),
  isKnowledgeCutoff: fc.boolean(),
  /** Few labels make several chunks, partitions and files. */
  datasetChunkRows: fc.constantFrom(1, 2, 5, 1_000),
})

/** Pushes rows and has them committed; answers them as the oracle sees them. */
async function push(platform: MemoryPlatform, rows: readonly PushedRow[]) {
  platform.time.now += 20 * SECOND
  const doorTime = platform.time.now
  const events = rows.map(({ user, item, atOffset, madeOffset, price, zone }) => ({
    at: formatInZone(doorTime + atOffset * SECOND, zone),
    made: formatInstant(doorTime + madeOffset * SECOND),
    user,
    item,
    price,
  }))
  const { push_id } = await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  return rows.map(({ user, item, atOffset, madeOffset, price }, index) => {
    const stamp = {
      eventTime: doorTime + atOffset * SECOND,
      createdTime: doorTime + madeOffset * SECOND,
      ingestTime: doorTime,
      sequenceTime: doorTime,
      sequenceOrigin: push_id,
      sequenceIndex: index,
    }
    return {
      user,
      item,
      row: { ...stamp, key: '', value: price === null ? null : BigInt(price) } as OracleRow,
    }
  })
}

interface PushedRow {
  readonly user: string
  readonly item: bigint
  readonly atOffset: number
  readonly madeOffset: number
  readonly price: number | null
  readonly zone: number
}

async function putLabels(platform: Platform, labels: readonly Label[]): Promise<string> {
  const column = (
    name: string,
    type: ValueType,
    read: (label: Label, at: number) => Value,
  ): ParquetColumn => ({
    name,
    type,
    values: labels.map(read),
  })
  const file = writeParquet([
    column('note', 'string', (_, at) => `note ${at}`),
    column('item', 'int64', ({ item }) => item),
    column('event_time', 'string', ({ time, zone }) => formatInZone(time, zone)),
    column('user', 'string', ({ user }) => user),
    column('factor', 'int64', () => 3n),
  ])
  await platform.files.put('labels/a.parquet', file)
  return 'labels/a.parquet'
}

const spec = (path: string, isKnowledgeCutoff = false) => ({
  name: 'a',
  of: { kind: 'service', name: 'ranker' } as const,
  labels: { kind: 'file', path } as const,
  asOf: null,
  isKnowledgeCutoff,
  hasStatuses: true,
})

/** A dataset's rows as JSON texts, and the names of its columns. */
async function readDataset(platform: Platform, id: string) {
  const { result } = (await platform.training.find(id))!
  const rows: string[][] = []
  const names: string[] = []
  for (const { path } of result!.files) {
    const file = await openParquet(platform.files.open((await platform.files.find(path))!), path)
    names.splice(0, names.length, ...file.columns.map(({ name }) => name))
    const first = rows.length
    for (let row = 0; row < file.rowCount; row++) rows.push([])
    for (const { name, type } of file.columns) {
      let row = first
      for (const { rowStart, rowEnd } of file.rowGroups) {
        const values = (await file.readColumn(name, rowStart, rowEnd)) as ArrayLike<Value>
        for (const value of Array.from(values)) rows[row++]!.push(encodeValue(type!, value ?? null))
      }
    }
  }
  return { names, rows }
}

function bytesOf(platform: MemoryPlatform, dataset: TrainingDataset | undefined): string[] {
  return dataset!.result!.files.map(({ path }) => Buffer.from(platform.objects.get(path)!).toString('base64'))
}

test('a dataset row equals inline history and the plain oracle, and is byte-equal when made again (S1, S5, S21, S22)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryHistory, async ({ pushes, labels, isKnowledgeCutoff, datasetChunkRows }) => {
      const platform = memoryPlatform(START, { datasetChunkRows })
      await applyClicks(platform, DEFINITIONS)
      const half = Math.ceil(pushes.length / 2)
      const written: Awaited<ReturnType<typeof push>> = []
      for (const rows of pushes.slice(0, half)) written.push(...(await push(platform, rows)))
      const path = await putLabels(platform, labels)
      const { id } = await startDataset(platform, spec(path, isKnowledgeCutoff))
      const { names, rows } = await readDataset(platform, id)

      const resolved = await resolveForHistory(platform, 'ranker')
      const inline = await retrieveHistory(platform, resolved, {
        labels: parseLabels(
          resolved.service,
          labels.map(({ user, item, time }, at) => ({
            note: `note ${at}`,
            item,
            event_time: formatInstant(time),
            user,
            factor: 3,
          })),
        ),
        asOf: undefined,
        isKnowledgeCutoff,
      })
      expect(rows).toEqual(
        inline.rows.map((row, at) => [...row, ...inline.statuses[at]!.map((status) => `"${status}"`)]),
      )
      if (labels.length > 0) {
        expect(names.slice(0, 5)).toEqual(['note', 'item', 'event_time', 'user', 'factor'])
        const features = resolved.service.features.map(({ name }) => name)
        expect(names.slice(5)).toEqual([...features, ...features.map((name) => `${name}_status`)])
      }
      labels.forEach(({ user, item, time }, at) => {
        const byUser = written.filter((one) => one.user === user).map(({ row }) => row)
        const byItem = written.filter((one) => one.item === item).map(({ row }) => row)
        const oracle = [
          oracleValue(byUser, '', time, { ttlUs: TTL_US, isKnowledgeCutoff }),
          oracleValue(byItem, '', time, { ttlUs: null, isKnowledgeCutoff }),
        ]
        expect(rows[at]!.slice(5, 7)).toEqual(oracle.map(({ value }) => String(value)))
        expect(inline.statuses[at]!.slice(0, 2)).toEqual(oracle.map(({ status }) => status))
      })

      const before = bytesOf(platform, await platform.training.find(id))
      for (const rows of pushes.slice(half)) await push(platform, rows)
      await platform.flush({ cut: true })
      const again = await startAgain(platform, id)
      expect(bytesOf(platform, await platform.training.find(again.id))).toEqual(before)
    }),
    { numRuns: 15 },
  )
})
