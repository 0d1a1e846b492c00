import { gunzipSync, gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { beforeEach, expect, test } from 'vitest'
import { describeJob } from '../../../src/batch/describe-job.ts'
import { startErasure } from '../../../src/batch/erasure/erasure.ts'
import { noticeLanded } from '../../../src/batch/notice-landed.ts'
import { startDueLoads, startLoads } from '../../../src/batch/start-loads.ts'
import { LIMITS } from '../../../src/core/limits.ts'
import { openParquet, writeParquet } from '../../../src/core/parquet.ts'
import { parseInstant } from '../../../src/core/time.ts'
import type { DefinitionSetInput } from '../../../src/definitions/definition-set.ts'
import type { LandedFile } from '../../../src/platform.ts'
import { applyClicks } from '../../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
/** Letters that stand in no other value, compressed or not. */
const GONE = 'Xq7ZgoneZ7qX'
const FORMATS = ['parquet', 'csv', 'ndjson'] as const
const SET: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: FORMATS.map((format) => ({
    name: format,
    event_time: 'at',
    schema: [
      { name: 'at', type: 'timestamp' },
      { name: 'user', type: 'string' },
      { name: 'value', type: 'int64' },
    ],
    landing: { format },
  })),
  feature_views: FORMATS.map((source) => ({
    name: `of_${source}`,
    entity: 'user',
    source,
    aggregations: [{ name: 'sum', function: 'sum' as const, sql: 'value', windows: ['7d'] }],
  })),
}
const AT = '2025-12-31T23:00:00Z'

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, SET)
})

const bytesOf = (text: string) => new TextEncoder().encode(text)

function parquetOf(users: readonly string[]): Uint8Array {
  return writeParquet([
    { name: 'at', type: 'timestamp', values: users.map(() => parseInstant(AT)) },
    { name: 'user', type: 'string', values: users },
    { name: 'value', type: 'int64', values: users.map((_, at) => BigInt(at)) },
    { name: 'undeclared', type: 'string', values: users },
  ])
}

async function landed(source: string, name: string): Promise<Uint8Array> {
  const file = (await platform.landing.find(source, name))!
  return new Uint8Array(await platform.landing.open(source, file).slice(0, file.bytes))
}

async function erase() {
  const id = await startErasure(platform, { entity: 'user', keys: [{ user: GONE }] })
  return describeJob(platform, id)
}

test('rows of an erased key leave landing files of every kind, and nothing else of them (S11)', async () => {
  const csv = `user,value,at\r\nann,1,${AT}\r\n"${GONE}",2,${AT}\r\n\r\n"bob\n,x",3,${AT}\r\nragged,${GONE}\r\n`
  const line = (user: unknown) => JSON.stringify({ at: AT, user, value: 1, more: { of: [user] } })
  const ndjson = `${line('ann')}\n${line(GONE)}\nno JSON ${GONE}\nno JSON\n${line('bob')}`
  platform.land('csv', 'a.csv', bytesOf(csv))
  platform.land('csv', 'b.csv.gz', new Uint8Array(gzipSync(csv)))
  platform.land('ndjson', 'a.ndjson', bytesOf(ndjson))
  platform.land('ndjson', 'b.ndjson.gz', new Uint8Array(gzipSync(ndjson)))
  platform.land('parquet', 'a.parquet', parquetOf(['ann', GONE, 'bob', GONE]))
  platform.land('parquet', `user=${GONE}/all.csv`, bytesOf('no Parquet'))
  const { status, report } = await erase()
  expect(status).toBe('succeeded')
  expect(report!.removed.landing).toBe(10)
  const leftCsv = csv.replace(`"${GONE}",2,${AT}\r\n`, '').replace(`ragged,${GONE}\r\n`, '')
  const leftNdjson = `${line('ann')}\nno JSON\n${line('bob')}`
  expect(Buffer.from(await landed('csv', 'a.csv')).toString()).toBe(leftCsv)
  expect(gunzipSync(await landed('csv', 'b.csv.gz')).toString()).toBe(leftCsv)
  expect(Buffer.from(await landed('ndjson', 'a.ndjson')).toString()).toBe(leftNdjson)
  expect(gunzipSync(await landed('ndjson', 'b.ndjson.gz')).toString()).toBe(leftNdjson)
  const bytes = await landed('parquet', 'a.parquet')
  const file = await openParquet(
    { byteLength: bytes.length, slice: async (...at) => bytes.slice(...at).buffer as ArrayBuffer },
    'it',
  )
  expect(
    await Promise.all(['user', 'value', 'undeclared'].map((name) => file.readColumn(name, 0, 2))),
  ).toEqual([
    ['ann', 'bob'],
    [0n, 2n],
    ['ann', 'bob'],
  ])
  // What cannot be read is named, and no name or note tells the key.
  expect(report!.notes.slice(3)).toEqual([
    'Look into a landing file of "parquet" yourself, it could not be rewritten: Cannot read it as Parquet: it has 10 bytes, a Parquet file has at least 12',
    'A key stands in the name of a landing file of "parquet", which stays',
  ])
})

test('what is left of a loaded file is not loaded again, by Cron or by name; what another lands there is (S9, S11)', async () => {
  platform.land('parquet', 'a.parquet', parquetOf(['ann', GONE]))
  platform.land('csv', 'bad.csv', bytesOf(`user,value,at\nann,no,${AT}\n${GONE},2,${AT}\n`))
  await startDueLoads(platform)
  const statuses = async (source: string) => (await platform.loads.list(source)).map(({ status }) => status)
  expect(await statuses('parquet')).toEqual(['succeeded'])
  expect(await statuses('csv')).toEqual(['failed'])
  platform.land('csv', 'new.csv', bytesOf(`user,value,at\nann,4,${AT}\n${GONE},5,${AT}\n`))
  expect((await erase()).report!.removed.landing).toBe(3)
  const rows = [...platform.manifest.values()].reduce((sum, { rowCount }) => sum + rowCount, 0)
  // The file nobody had loaded is loaded as it is now.
  expect(await startDueLoads(platform)).toBe('loads: 1 begun')
  expect(await statuses('csv')).toEqual(['succeeded', 'failed', 'failed'])
  expect(await startDueLoads(platform)).toBeUndefined()
  // R2 tells of what the erasure has put, too.
  const keys = ['landing/parquet/a.parquet', 'landing/csv/bad.csv']
  const notices = keys.map((key) =>
    JSON.stringify({ action: 'PutObject', bucket: 'featheredge', object: { key } }),
  )
  await noticeLanded(platform, notices)
  expect(await statuses('csv')).toEqual(['succeeded', 'failed', 'failed'])
  expect(await statuses('parquet')).toEqual(['succeeded', 'succeeded'])
  const [again] = await startLoads(platform, 'parquet', { files: ['a.parquet'], badRowsMax: 0 })
  expect(again!.status).toBe('succeeded')
  const after = [...platform.manifest.values()].reduce((sum, { rowCount }) => sum + rowCount, 0)
  // Of the new file: a row in the view's log and a raw one.
  expect(after - rows).toBe(2)
  expect((await platform.cron.listRefused({ countMax: 10 })).length).toBe(0)
  platform.land('parquet', 'a.parquet', parquetOf(['ann', 'bob']))
  expect(await startDueLoads(platform)).toBe('loads: 1 refused')
})

test('a file too large to be rewritten is named if it holds the key, and not if it does not (S11)', async () => {
  platform.land('parquet', 'held.parquet', parquetOf(['ann', GONE]))
  platform.land('parquet', 'clean.parquet', parquetOf(['ann']))
  const { find } = platform.landing
  Object.assign(platform.landing, {
    find: async (source: string, name: string) => {
      const file = await find(source, name)
      return file && { ...file, bytes: LIMITS.erasedFileBytesMax + 1 }
    },
  })
  const { status, report } = await erase()
  expect(status).toBe('succeeded')
  expect(report!.notes.slice(3)).toEqual([
    'Look into landing file "parquet/held.parquet" yourself, it could not be rewritten: it has 100000001 bytes, at most 100000000 are rewritten',
  ])
})

test('a file with a column that cannot be written anew, as a DECIMAL, stays and is named with it if it holds the key (S11)', async () => {
  const withDecimal = (users: readonly string[]) =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'user', data: [...users] },
          { name: 'value', data: users.map((_, row) => BigInt(row)) },
          { name: 'at', data: users.map(() => new Date(AT)) },
          { name: 'amount', data: users.map(() => 1.25) },
        ],
        schema: [
          { name: 'root', num_children: 4 },
          { name: 'user', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
          { name: 'value', type: 'INT64', repetition_type: 'REQUIRED' },
          { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'REQUIRED' },
          {
            name: 'amount',
            type: 'INT64',
            converted_type: 'DECIMAL',
            precision: 18,
            scale: 2,
            repetition_type: 'REQUIRED',
          },
        ],
      }),
    )
  platform.land('parquet', 'held.parquet', withDecimal(['ann', GONE]))
  platform.land('parquet', 'clean.parquet', withDecimal(['ann']))
  expect((await erase()).report!.notes.slice(3)).toEqual([
    'Look into landing file "parquet/held.parquet" yourself, it could not be rewritten: column "amount" is INT64 DECIMAL(18, 2), which cannot be written',
  ])
  expect(await landed('parquet', 'held.parquet')).toEqual(withDecimal(['ann', GONE]))
})

test('a file that is replaced while it is rewritten is looked into again (S11)', async () => {
  platform.land('csv', 'a.csv', bytesOf(`user,value,at\n${GONE},1,${AT}\n`))
  const { rewrite } = platform.landing
  let isReplaced = false
  Object.assign(platform.landing, {
    rewrite: async (source: string, file: LandedFile, content: Parameters<typeof rewrite>[2]) => {
      if (!isReplaced) platform.land('csv', 'a.csv', bytesOf(`user,value,at\nann,1,${AT}\n${GONE},2,${AT}\n`))
      isReplaced = true
      return rewrite(source, file, content)
    },
  })
  expect((await erase()).report!.removed.landing).toBe(1)
  expect(Buffer.from(await landed('csv', 'a.csv')).toString()).toBe(`user,value,at\nann,1,${AT}\n`)
})

test('hundreds of files are looked into, some at a step', async () => {
  for (let at = 0; at < 205; at++)
    platform.land('csv', `${at}.csv`, bytesOf(`user,value,at\n${at % 100 === 3 ? GONE : 'ann'},1,${AT}\n`))
  expect((await erase()).report!.removed.landing).toBe(3)
})

test('an erasure cut off after any effect leaves nothing of the key and all of the others (S11)', async () => {
  let effects = 1
  for (let at = 0; at < effects; at++) {
    platform = memoryPlatform(START)
    await applyClicks(platform, SET)
    platform.land('parquet', 'a.parquet', parquetOf(['ann', GONE]))
    platform.land('csv', 'a.csv', bytesOf(`user,value,at\n${GONE},1,${AT}\nann,2,${AT}\n`))
    await platform.files.put('labels/a.csv', `user,event_time\n${GONE},${AT}\nann,${AT}\n`)
    await startDueLoads(platform)
    effects = await eraseCutOff(platform, at)
    expect(held(platform), `effect ${at}`).toEqual([])
    const job = (await platform.jobRecords.list({ countMax: 10 })).find(({ kind }) => kind === 'erase')!
    expect([job.status, JSON.parse(job.params).keys]).toEqual(['succeeded', []])
    expect(await startDueLoads(platform)).toBeUndefined()
    const rows = [...platform.manifest.values()].map(({ rowCount }) => rowCount)
    expect(rows).toEqual([1, 1, 1, 1])
    expect(new TextDecoder().decode(platform.objects.get('labels/a.csv'))).toBe(
      `user,event_time\nann,${AT}\n`,
    )
  }
  expect(effects).toBeGreaterThan(30)
})

/** Begins an erasure that breaks off after its effect of that number, then goes on with it; answers how many there were. */
async function eraseCutOff(of: MemoryPlatform, at: number): Promise<number> {
  let count = 0
  for (const port of [of.offline, of.landing, of.files, of.loads, of.jobRecords, of.training, of.fills]) {
    for (const [name, method] of Object.entries(port) as [string, (...given: unknown[]) => unknown][]) {
      if (typeof method !== 'function' || /^(find|list|read|open|stream|chunks)/.test(name)) continue
      Object.assign(port, {
        [name]: async (...given: unknown[]) => {
          const outcome = await method(...given)
          if (count++ === at) throw new Error('cut off')
          return outcome
        },
      })
    }
  }
  try {
    await startErasure(of, { entity: 'user', keys: [{ user: GONE }] })
  } catch (error) {
    expect(String(error)).toBe('Error: cut off')
    const [job] = await of.jobRecords.listUnfinished()
    if (job !== undefined) await of.jobs.restart('erase', job.id)
  }
  return count
}

function held(of: MemoryPlatform): string[] {
  const decoder = new TextDecoder('latin1')
  return [
    ...[...of.objects].filter(([, bytes]) => decoder.decode(bytes).includes(GONE)).map(([path]) => path),
    ...[...of.blocks].filter(([, text]) => text.includes(GONE)).map(([key]) => key),
    ...of.writerTexts().filter((text) => text.includes(GONE)),
  ]
}
