import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { HEARTBEAT_MAX_US } from '../../src/batch/start-jobs.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import { parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const HEADER = 'at,made,user,item,price'
const row = (user: string, item: number, price: string) =>
  `2026-02-28 23:59:30,2026-02-28 23:59:31,${user},${item},${price}`

type Landing = NonNullable<DefinitionSetInput['sources']>[number]['landing']

async function store(landing: Landing): Promise<MemoryPlatform> {
  const platform = memoryPlatform(NOW)
  const [source] = CLICKS.sources!
  await applyClicks(platform, { ...CLICKS, sources: [{ ...source!, landing }] })
  return platform
}

/** Lands one file, loads it, and answers the load's report. */
async function load(platform: MemoryPlatform, name: string, content: string | Uint8Array, badRowsMax = 0) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  platform.land('clicks', name, new Uint8Array(bytes))
  const [started] = await startLoads(platform, 'clicks', { files: [name], badRowsMax })
  return describeLoad(platform, started!.id)
}

/** The price of each user and item, as JSON texts. */
async function values(platform: MemoryPlatform, keys: readonly (readonly [string, number])[]) {
  const entities = keys.map(([user, item]) => ({ user, item }))
  const { rows } = await serveFeatures(platform, 'ranker', {
    parseRows: (service) => parseEntities(service, entities),
    features: undefined,
    consistency: 'eventual',
  })
  return rows.map(valuesOf)
}

describe('a load of CSV', () => {
  it('reads quoted fields and newlines, maps the header, ignores other columns and names them', async () => {
    const platform = await store({ format: 'csv' })
    const text = `\ufeffprice,extra,"user",item,made,at\r\n7,x,"a ""b""\nc",1,2026-02-28T23:59:31Z,2026-02-28T23:59:30Z\r\n,,d,2,2026-02-28T23:59:31Z,2026-02-28T23:59:30Z`
    const report = await load(platform, 'in/a.csv', text)
    expect(report).toMatchObject({ status: 'succeeded', rows: { read: 2, written: 2, rejected: 0 } })
    expect(report.ignored_columns).toEqual(['extra'])
    expect(
      await values(platform, [
        ['a "b"\nc', 1],
        ['d', 2],
      ]),
    ).toEqual([
      ['7', '7'],
      ['null', 'null'],
    ])
  })

  it('of many chunks gives what one chunk gives, compressed or not', async () => {
    const lines = Array.from({ length: 70_000 }, (_, at) => row(`"u\n${at % 50}"`, at % 50, String(at)))
    const text = [HEADER, ...lines].join('\n')
    for (const [name, content] of [
      ['a.csv', text],
      ['a.csv.gz', gzipSync(text)],
    ] as const) {
      const platform = await store({ format: 'csv' })
      const report = await load(platform, name, content)
      expect(report).toMatchObject({ status: 'succeeded', rows: { read: 70_000, written: 70_000 } })
      expect(report.progress.total).toBeGreaterThan(2)
      expect(await values(platform, [['u\n49', 49]])).toEqual([['69999', '69999']])
      expect([...platform.objects.keys()].filter((path) => path.startsWith('loads/'))).toEqual([])
    }
  })

  it("takes another delimiter, and the source's columns in their order where there is no header", async () => {
    const platform = await store({ format: 'csv', delimiter: ';', header: false })
    const report = await load(platform, 'a.csv', row('u', 1, '5').replaceAll(',', ';'))
    expect(report).toMatchObject({ status: 'succeeded', rows: { written: 1 } })
    expect(await values(platform, [['u', 1]])).toEqual([['5', '5']])
  })

  it('names a bad row by number, line and reason, and loads nothing beyond max_bad_rows', async () => {
    const text = [HEADER, row('u', 1, '5'), '', '1,2,3', row('v', 2, 'x'), row('', 3, '1')].join('\n')
    const platform = await store({ format: 'csv' })
    const refused = await load(platform, 'a.csv', text)
    expect(refused.status).toBe('failed')
    expect(refused.error).toBe(
      'Cannot load "a.csv": 3 rows are bad and max_bad_rows is 0; row 1: Line 4: 3 fields are there, 5 are needed',
    )
    expect(await values(platform, [['u', 1]])).toEqual([['null', 'null']])
    const tolerant = await store({ format: 'csv' })
    const report = await load(tolerant, 'a.csv', text, 3)
    expect(report).toMatchObject({ status: 'succeeded', rows: { read: 4, written: 1, rejected: 3 } })
    expect(report.rejections.map(({ row: at, message }) => `${at}: ${message}`)).toEqual([
      '1: Line 4: 3 fields are there, 5 are needed',
      '2: Line 5: Column "price": Cannot read "x" as int64',
      '3: Join key of view "last_click": it is null, a value is needed',
    ])
  })

  it.each([
    ['no header', '', /it has no header, it is empty/],
    ['no column a key needs', 'at,made,usr,item\n', /no column "user" \(it has "usr"\), string is needed/],
    ['two columns of one name', `${HEADER},at\n`, /two of its columns have one name/],
    [
      'what is not UTF-8',
      Uint8Array.of(...new TextEncoder().encode(HEADER), 0x0a, 0xff, 0x2c),
      /Cannot read line 2: it is not UTF-8/,
    ],
  ])('fails on a file with %s', async (_, content, reason) => {
    const report = await load(await store({ format: 'csv' }), 'a.csv', content)
    expect(report.status).toBe('failed')
    expect(report.error).toMatch(reason)
  })

  it('makes the parts of a compressed file again where they are gone', async () => {
    const platform = await store({ format: 'csv' })
    const { writePlan } = platform.loads
    let plans = 0
    Object.assign(platform.loads, {
      async writePlan(id: string, generation: number, plan: string) {
        await writePlan(id, generation, plan)
        if (plans++ === 0) platform.objects.delete(`loads/${id}/part/${generation}-0`)
      },
    })
    platform.land('clicks', 'a.csv.gz', new Uint8Array(gzipSync(`${HEADER}\n${row('u', 1, '5')}`)))
    const start = () => startLoads(platform, 'clicks', { badRowsMax: 0 })
    await expect(start()).rejects.toMatchObject({ code: 'unavailable' })
    const [load] = await start()
    platform.time.now += HEARTBEAT_MAX_US + 1
    await startDueLoads(platform)
    expect(await describeLoad(platform, load!.id)).toMatchObject({
      status: 'succeeded',
      rows: { written: 1 },
    })
    expect(plans).toBe(2)
  })

  it.each([
    ['cut short', gzipSync(`${HEADER}\n${row('u', 1, '5')}\n`.repeat(50)).subarray(0, -20)],
    ['not gzip', new TextEncoder().encode(HEADER)],
  ])('fails on a compressed file that is %s', async (_, content) => {
    const report = await load(await store({ format: 'csv' }), 'a.csv.gz', content)
    expect(report.status).toBe('failed')
    expect(report.error).toMatch(/Cannot decompress/)
  })
})

describe('a load that is tried again', () => {
  const bad = `${HEADER}\n${row('u', 1, '5')}\n${row('u', 2, 'much')}`
  const again = (platform: MemoryPlatform, badRowsMax?: number) =>
    startLoads(platform, 'clicks', { files: ['a.csv'], badRowsMax })

  it('may have as many bad rows as it is asked for now', async () => {
    const platform = await store({ format: 'csv' })
    expect(await load(platform, 'a.csv', bad)).toMatchObject({ status: 'failed', max_bad_rows: 0 })
    const [started] = await again(platform, 1)
    expect(started).toMatchObject({ status: 'queued', badRowsMax: 1 })
    expect(await describeLoad(platform, started!.id)).toMatchObject({
      status: 'succeeded',
      rows: { written: 1, rejected: 1 },
      max_bad_rows: 1,
    })
    expect(await again(platform, 0)).toMatchObject([{ status: 'succeeded', badRowsMax: 1 }])
  })

  it('may have as many as before where nothing is asked for, and none where none is', async () => {
    const platform = await store({ format: 'csv' })
    const text = `${bad}\n${row('u', 3, 'more')}`
    expect(await load(platform, 'a.csv', text, 1)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('2 rows are bad and max_bad_rows is 1'),
    })
    const [kept] = await again(platform)
    expect(await describeLoad(platform, kept!.id)).toMatchObject({
      error: expect.stringContaining('max_bad_rows is 1'),
    })
    const [none] = await again(platform, 0)
    expect(await describeLoad(platform, none!.id)).toMatchObject({
      error: expect.stringContaining('max_bad_rows is 0'),
    })
  })

  it('keeps its bad rows once history shows the others', async () => {
    const platform = await store({ format: 'csv' })
    const { markSynced } = platform.loads
    Object.assign(platform.loads, {
      markSynced: async () => {
        throw new FeatureStoreError('failed_precondition', 'It fails late')
      },
    })
    expect(await load(platform, 'a.csv', bad, 1)).toMatchObject({ status: 'failed', error: 'It fails late' })
    Object.assign(platform.loads, { markSynced })
    const [started] = await again(platform, 0)
    expect(await describeLoad(platform, started!.id)).toMatchObject({ status: 'succeeded', max_bad_rows: 1 })
    expect(await values(platform, [['u', 1]])).toEqual([['5', '5']])
  })
})

describe('a load whose folders are partitions (Hive)', () => {
  const text = 'at,user,item,price\n2026-02-28 23:59:30,u,1,5'

  it('reads columns that the file lacks from its path, and those it has from the file', async () => {
    const platform = await store({ format: 'csv' })
    const report = await load(platform, 'x/made=2026-02-28 23%3A59%3A31/item=9/a.csv', text)
    expect(report).toMatchObject({ status: 'succeeded', rows: { written: 1 }, ignored_columns: [] })
    expect(await values(platform, [['u', 1]])).toEqual([['5', '5']])
  })

  it.each([
    ['__HIVE_DEFAULT_PARTITION__', /Column "made": it is null/],
    ['yesterday', /Column "made": Cannot read time "yesterday"/],
  ])('refuses rows whose path says made=%s', async (made, reason) => {
    const report = await load(await store({ format: 'csv' }), `made=${made}/a.csv`, text)
    expect(report).toMatchObject({ status: 'failed', error: expect.stringMatching(reason) })
  })
})

describe('the landing of a source', () => {
  it.each([
    [{ format: 'csv', delimiter: ';;' }, /delimiter/],
    [{ format: 'csv', delimiter: '"' }, /a quote cannot part fields/],
    [{ format: 'csv', delimiter: '\n' }, /one ASCII character/],
    [{ format: 'ndjson', header: true }, /header/],
    [{ format: 'xml' }, /format/],
  ])('%j is refused by name (S34)', (landing, problem) => {
    const sources = [{ ...CLICKS.sources![0], landing }]
    expect(() => parseDefinitions({ ...CLICKS, sources })).toThrow(problem)
  })
})

describe('a load of NDJSON', () => {
  it("reads lines by the source's types, exact to the digit, and names what it ignores (S14)", async () => {
    const platform = await store({ format: 'ndjson' })
    const json = (price_: string, extra = '') =>
      `{"at":"2026-02-28T23:59:30Z","made":"2026-02-28T23:59:31Z","user":"u","item":1,"price":${price_}${extra}}`
    const text = [json('1'), '', '[1]', '{"at":', json('9007199254740993', ',"more":{}')].join('\n')
    const report = await load(platform, 'a.ndjson', text, 2)
    expect(report).toMatchObject({ status: 'succeeded', rows: { read: 4, written: 2, rejected: 2 } })
    expect(report.rejections.map(({ message }) => message)).toEqual([
      'Line 3: a JSON object is needed',
      expect.stringMatching(/^Line 4: Cannot read it as JSON/),
    ])
    expect(await values(platform, [['u', 1]])).toEqual([['9007199254740993', '9007199254740993']])
  })
})
