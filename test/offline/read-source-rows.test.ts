import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { startLoads } from '../../src/batch/start-loads.ts'
import { openParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue, type Value } from '../../src/core/value.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { rawLayouts } from '../../src/definitions/raw-layout.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { encodeAsNdjson, encodeAsParquet, encodeFaults } from '../../src/offline/encode-source-rows.ts'
import { type RowBounds, readSourceRows } from '../../src/offline/read-source-rows.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const SECOND = 1_000_000
const ALWAYS = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
const SOURCE = {
  name: 'clicks',
  event_time: 'at',
  schema: [
    { name: 'at', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'count', type: 'int64' },
    { name: 'price', type: 'float64' },
    { name: 'raw', type: 'bytes' },
    { name: 'tags', type: 'list<string>' },
  ],
  landing: { format: 'ndjson' },
} as const

/** Nothing but the source: its rows are kept whether a view reads them or not. */
function definitions(schema: readonly object[] = SOURCE.schema): DefinitionSetInput {
  return { entities: [], sources: [{ ...SOURCE, schema } as never], feature_views: [], feature_services: [] }
}

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(NOW)
  await applyClicks(platform, definitions())
})

const row = (ago: number, rest: object = {}) => ({
  at: formatInstant(NOW - ago * SECOND),
  user: 'ann',
  ...rest,
})

async function push(...events: object[]): Promise<void> {
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
}

async function cut(): Promise<void> {
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  for (const layout of rawLayouts(snapshot, snapshot.sources.clicks!)) await platform.rawWriters.cut(layout)
}

async function open(times: RowBounds = ALWAYS) {
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  const source = snapshot.sources.clicks!
  return { columns: source.columns, parts: readSourceRows(platform, { snapshot, source }, times) }
}

async function readNdjson(times: RowBounds = ALWAYS, encode = encodeAsNdjson): Promise<string[]> {
  const { columns, parts } = await open(times)
  const texts: string[] = []
  for await (const text of encode(columns, parts)) texts.push(text)
  return texts.join('').split('\n').filter(Boolean)
}

async function readFile(times = ALWAYS): Promise<Uint8Array> {
  const { columns, parts } = await open(times)
  const pieces: Uint8Array[] = []
  for await (const bytes of encodeAsParquet(columns, parts)) pieces.push(bytes)
  return new Uint8Array(Buffer.concat(pieces))
}

/** The rows of a Parquet file as the lines of NDJSON that say the same. */
async function linesOf(bytes: Uint8Array): Promise<string[]> {
  const buffer = new Uint8Array(bytes).buffer
  const file = await openParquet(
    { byteLength: bytes.length, slice: async (start, end) => buffer.slice(start, end) },
    'the answer',
  )
  const cells: string[][] = []
  for (const { name, type } of file.columns) {
    const values: string[] = []
    for (const { rowStart, rowEnd } of file.rowGroups) {
      const some = (await file.readColumn(name, rowStart, rowEnd)) as ArrayLike<Value>
      for (let at = 0; at < some.length; at++)
        values.push(`${JSON.stringify(name)}:${encodeValue(type!, some[at] ?? null)}`)
    }
    cells.push(values)
  }
  return Array.from({ length: file.rowCount }, (_, at) => `{${cells.map((column) => column[at]).join(',')}}`)
}

test('rows of a source as Parquet are those of NDJSON, from writers and from the log, exact (S14, S15, S16)', async () => {
  await push(row(9, { count: '9223372036854775807', price: -0, raw: 'AQI=', tags: ['a', null, 'ü'] }))
  await push(row(8, { price: 'NaN', tags: [] }), row(7, { user: '', raw: '' }))
  await cut()
  await push(row(6, { count: -1, price: 'Infinity', tags: null }))
  const text = [5, 4].map((ago) => JSON.stringify(row(ago, { count: ago }))).join('\n')
  platform.land('clicks', 'a.ndjson', new TextEncoder().encode(text))
  await startLoads(platform, 'clicks', { badRowsMax: 0 })
  const lines = await readNdjson()
  expect(lines).toHaveLength(6)
  expect(lines.join('\n')).toContain(
    '"count":9223372036854775807,"price":-0,"raw":"AQI=","tags":["a",null,"\\u00fc"]',
  )
  expect((await linesOf(await readFile())).sort()).toEqual(lines.sort())
  const times = { from: NOW - 8 * SECOND, to: NOW - 5 * SECOND }
  const some = await readNdjson(times)
  expect(some).toHaveLength(3)
  expect((await linesOf(await readFile(times))).sort()).toEqual(some.sort())
})

test('DuckDB reads rows of a source as Parquet, and a file of none', async () => {
  await push(row(9, { count: 3, tags: ['a'] }), row(8, { count: 4 }))
  const duckdb = await openDuckdb()
  const folder = await mkdtemp(join(tmpdir(), 'source-rows-'))
  try {
    for (const [name, times, expected] of [
      ['all', ALWAYS, [2n, 7n]],
      ['none', { from: 0, to: 0 }, [0n, null]],
    ] as const) {
      const path = join(folder, `${name}.parquet`)
      await writeFile(path, await readFile(times))
      const reader = await duckdb.runAndReadAll(`SELECT count(*), sum(count)::BIGINT FROM '${path}'`)
      expect(reader.getRows()).toEqual([expected])
    }
  } finally {
    duckdb.closeSync()
    await rm(folder, { recursive: true })
  }
})

test('rows that wait in writers have the columns that their source has now, as those of the log have', async () => {
  const [at, user, count, price] = SOURCE.schema
  await push(row(9, { count: 7, raw: 'AQI=' }), row(8, { user: 'many', count: 8 }))
  const schema = [at, { name: 'size', type: 'int64' }, price, user, { ...count, type: 'string' }]
  await applyClicks(platform, definitions(schema))
  const waiting = await readNdjson()
  await cut()
  expect(waiting.sort()).toEqual((await readNdjson()).sort())
  expect(waiting).toEqual([
    '{"at":"2026-02-28T23:59:51Z","size":null,"price":null,"user":"ann","count":"7"}',
    '{"at":"2026-02-28T23:59:52Z","size":null,"price":null,"user":"many","count":"8"}',
  ])
})

test('rows without a cast to the columns of now are left out, told with the reason, and counted in the log', async () => {
  await push(row(9, { user: 'ann', count: 1 }), row(8, { user: '12', count: 2 }))
  const [at, user, count] = SOURCE.schema
  await applyClicks(platform, definitions([at, { ...user, type: 'int64' }, count]))
  const told: unknown[] = []
  Object.assign(platform, {
    log: { ...platform.log, error: (_message: string, fields: object) => void told.push(fields) },
  })
  for (const where of ['waiting', 'logged']) {
    expect(await readNdjson(), where).toEqual(['{"at":"2026-02-28T23:59:52Z","user":12,"count":2}'])
    const faults = (await readNdjson(ALWAYS, encodeFaults)).map((line) => JSON.parse(line) as object)
    expect(faults, where).toEqual([
      { origin: expect.stringMatching(/^0+\d+$/), index: 0, reason: expect.stringContaining('"ann"') },
    ])
    expect(told.splice(0), where).toEqual(Array(2).fill({ source: 'clicks', rows: 1 }))
    await cut()
  }
})

test('rows of a source as of a time are those taken in by then, whether they wait or are logged (S5)', async () => {
  await push(row(9, { count: 1 }))
  platform.time.now += SECOND
  await push(row(8, { count: 2 }))
  const readThen = async () =>
    (await readNdjson({ ...ALWAYS, asOf: NOW })).map((line) => line.includes('"count":1'))
  expect(await readThen()).toEqual([true])
  await cut()
  expect(await readThen()).toEqual([true])
  expect(await readNdjson({ ...ALWAYS, asOf: NOW + SECOND })).toHaveLength(2)
  expect(await readNdjson({ ...ALWAYS, asOf: NOW - 1 })).toEqual([])
})

test('rows of a source as Parquet are sent on as they are read: memory holds those of one segment', async () => {
  const count = 9_000
  for (const name of ['a', 'b', 'c']) {
    const lines = Array.from({ length: count }, (_, ago) => JSON.stringify(row(ago, { count: ago })))
    platform.land('clicks', `${name}.ndjson`, new TextEncoder().encode(lines.join('\n')))
  }
  await startLoads(platform, 'clicks', { badRowsMax: 0 })
  let opened = 0
  const { openSegment } = platform.offline
  Object.assign(platform.offline, {
    openSegment(...given: Parameters<typeof openSegment>) {
      opened++
      return openSegment(...given)
    },
  })
  const { columns, parts } = await open()
  const openedByPiece: number[] = []
  for await (const bytes of encodeAsParquet(columns, parts)) {
    expect(bytes.length).toBeGreaterThan(0)
    openedByPiece.push(opened)
  }
  // A piece for each segment, then the end of the file.
  expect(openedByPiece).toEqual([1, 2, 3, 3])
})
