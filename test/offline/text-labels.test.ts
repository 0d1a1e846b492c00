import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { openParquet, writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue, type Value } from '../../src/core/value.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { startDataset } from '../../src/offline/start-dataset.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000

async function createStore(): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START, { datasetChunkRows: 2 })
  await applyClicks(platform)
  platform.time.now += 60 * SECOND
  const events = ['ann', 'a"b,c', 'ü'].map((user, item) => {
    const at = formatInstant(START + item * SECOND)
    return { at, made: at, user, item: item + 1, price: 10 * item }
  })
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  return platform
}

/** The names and types of a dataset's columns, and its rows as JSON texts; or why there is none. */
async function make(platform: MemoryPlatform, path: string, content: Uint8Array | string) {
  await platform.files.put(path, content)
  const { id } = await startDataset(platform, {
    name: 'a',
    of: { kind: 'service', name: 'ranker' },
    labels: { kind: 'file', path },
    asOf: null,
    isKnowledgeCutoff: false,
    hasStatuses: false,
  })
  const job = (await platform.jobRecords.find(id))!
  if (job.status !== 'succeeded') return { error: job.error }
  const made = (await platform.training.find(id))!.result!.files[0]!.path
  const file = await openParquet(platform.files.open((await platform.files.find(made))!), made)
  const columns: string[][] = []
  for (const { name, type } of file.columns) {
    const values: string[] = []
    for (const { rowStart, rowEnd } of file.rowGroups)
      for (const value of Array.from(await file.readColumn(name, rowStart, rowEnd)))
        values.push(encodeValue(type!, (value as Value) ?? null))
    columns.push(values)
  }
  return {
    schema: file.columns.map(({ name, type }) => `${name} ${type}`),
    rows: (columns[0] ?? []).map((_, row) => columns.map((values) => values[row]!).join(' ')),
  }
}

const ROWS = [
  { user: 'ann', item: 1, event_time: '2026-01-01T00:00:09Z', weight: 1, note: 'a, "b"' },
  { user: 'ü', item: 3, event_time: '2026-01-01 01:00:01+01:00', weight: 2.5, note: 'two\nlines' },
  { user: 'a"b,c', item: 2, event_time: '2026-01-01T00:00:01', weight: null, note: '' },
  {
    user: 'nobody',
    item: 9_007_199_254_740_993n,
    event_time: '1999-12-31T23:59:59.5Z',
    weight: 4,
    note: null,
  },
  { user: 'ann', item: 1, event_time: '2026-01-01T00:00:09Z', weight: 1, note: 'a, "b"' },
]
const json = (row: object) =>
  JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `#${value}#` : value)).replaceAll(
    /"#(\d+)#"/g,
    '$1',
  )
const field = (value: unknown) =>
  value === null
    ? ''
    : /[",\n]|^$/.test(String(value))
      ? `"${String(value).replaceAll('"', '""')}"`
      : String(value)
const NDJSON = `${ROWS.map(json).join('\n')}\n`
const CSV = `${Object.keys(ROWS[0]!).join()}\r\n${ROWS.map((row) => Object.values(row).map(field).join()).join('\r\n')}`

const ANSWERS = [
  ['"ann" 1 "2026-01-01T00:00:09Z"', '0 0'],
  ['"\\u00fc" 3 "2026-01-01T00:00:01Z"', 'null null'],
  ['"a\\"b,c" 2 "2026-01-01T00:00:01Z"', '10 10'],
  ['"nobody" 9007199254740993 "1999-12-31T23:59:59.5Z"', 'null null'],
  ['"ann" 1 "2026-01-01T00:00:09Z"', '0 0'],
]
const NOTES = ['"a, \\"b\\""', '"two\\nlines"', '""', 'null', '"a, \\"b\\""']

test.each(['labels/a.ndjson', 'labels/a.jsonl', 'labels/a.ndjson.gz'])(
  'label rows of %s are joined like inline ones: typed, mixed offsets, duplicates kept (S1, S14, S21)',
  async (path) => {
    const made = await make(await createStore(), path, path.endsWith('.gz') ? gzipSync(NDJSON) : NDJSON)
    expect(made.schema).toEqual([
      'user string',
      'item int64',
      'event_time timestamp',
      'weight float64',
      'note string',
      'user_price int64',
      'item_price int64',
    ])
    const weights = ['1', '2.5', 'null', '4', '1']
    expect(made.rows).toEqual(
      ANSWERS.map(([label, features], at) => `${label} ${weights[at]} ${NOTES[at]} ${features}`),
    )
  },
)

test.each(['labels/a.csv', 'labels/a.csv.gz'])(
  'label rows of %s are joined, and columns nobody declares are text',
  async (path) => {
    const made = await make(await createStore(), path, path.endsWith('.gz') ? gzipSync(CSV) : CSV)
    expect(made.schema!.slice(3, 5)).toEqual(['weight string', 'note string'])
    const weights = ['"1"', '"2.5"', 'null', '"4"', '"1"']
    expect(made.rows).toEqual(
      ANSWERS.map(([label, features], at) => `${label} ${weights[at]} ${NOTES[at]} ${features}`),
    )
  },
)

test('NDJSON rows may have fields of their own; a column is of the narrowest type that holds all its values', async () => {
  const rows = [{ a: 1, b: 1 }, { b: 2.5, c: true }, {}, { d: 'x', a: 3 }].map((more) => ({
    user: 'ann',
    item: 1,
    event_time: '2026-01-01T00:00:09Z',
    ...more,
  }))
  const made = await make(await createStore(), 'labels/a.ndjson', rows.map(json).join('\n'))
  expect(made.schema!.slice(3, -2)).toEqual(['a int64', 'b float64', 'c bool', 'd string'])
  expect(made.rows!.map((row) => row.split(' ').slice(3, -2).join(' '))).toEqual([
    '1 1 null null',
    'null 2.5 true null',
    'null null null null',
    '3 null null "x"',
  ])
})

test('label files without rows are datasets without rows, of all their columns', async () => {
  const platform = await createStore()
  const columns = ['user string', 'item int64', 'event_time timestamp']
  for (const [path, content, own] of [
    ['labels/a.csv', 'user,item,event_time,note\n', [...columns, 'note string']],
    ['labels/a.ndjson', '\n\n', columns],
    [
      'labels/a.parquet',
      writeParquet([
        { name: 'user', type: 'string', values: [] },
        { name: 'item', type: 'int64', values: [] },
        { name: 'event_time', type: 'timestamp', values: [] },
      ]),
      columns,
    ],
  ] as const) {
    const made = await make(platform, path, content)
    expect(made, path).toEqual({ schema: [...own, 'user_price int64', 'item_price int64'], rows: [] })
  }
})

const GOOD = 'ann,1,2026-01-01T00:00:09Z'
test.each([
  ['a.csv', '', /it has no header, it is empty/],
  ['a.csv', `user,item,when\n${GOOD}`, /there is no column "event_time", timestamp is needed/],
  ['a.csv', `user,item,event_time,user\n${GOOD},x`, /it names "user" twice/],
  ['a.csv', `user,item,event_time,user_price\n${GOOD},1`, /column "user_price" has the name of a feature/],
  [
    'a.csv',
    `user,item,event_time\n${GOOD}\n${GOOD}\n${GOOD},4`,
    /label 2: line 4: 4 fields are there, 3 are needed/,
  ],
  ['a.csv', `user,item,event_time\n${GOOD}\n"ann,1,${GOOD}`, /label 1: line 3: a quoted field never ends/],
  [
    'a.csv',
    `user,item,event_time\n${GOOD}\n${GOOD}\nann,x,2026`,
    /label 2: "item": Cannot read "x" as int64 \(and 1 more/,
  ],
  [
    'a.csv',
    `user,item,event_time\nann,,2026-01-01T00:00:00Z`,
    /label 0: "item": it is null, a value is needed/,
  ],
  ['a.ndjson', `{"user":"ann","item":1}`, /label 0: "event_time": it is not given, a value is needed/],
  ['a.ndjson', `{"user":"ann","item":1,"event_time":5}`, /label 0: "event_time": Cannot read 5 as timestamp/],
  ['a.ndjson', `\n{"user":1`, /label 0: line 2:/],
  ['a.ndjson', '[1]', /label 0: line 1: a JSON object is needed/],
  [
    'a.ndjson',
    `{"user":"ann","item":1,"event_time":"2026-01-01T00:00:00Z","x":{}}`,
    /label 0: "x": lists and objects are not taken along/,
  ],
  ['a.csv.gz', 'not gzip', /as gzip/],
  ['a.csv', Uint8Array.of(0xff, 0x0a), /line 1: it is not UTF-8/],
])(
  'a dataset of a bad label file %s %j fails and names what is wrong (S24)',
  async (name, content, message) => {
    const platform = await createStore()
    const { error } = await make(platform, `labels/${name}`, content === '' ? '\n' : content)
    expect(error).toMatch(message)
    // Nothing is left of it.
    expect([...platform.objects.keys()].filter((path) => path.startsWith('training/'))).toEqual([])
  },
)

test('a column of NDJSON that holds values of two kinds is refused by name, wherever they stand', async () => {
  const rows = [1, 2, 3, 'x'].map((x) => ({ user: 'ann', item: 1, event_time: '2026-01-01T00:00:09Z', x }))
  const { error } = await make(await createStore(), 'labels/a.ndjson', rows.map(json).join('\n'))
  expect(error).toMatch(/label column "x": it holds int64 and string, one type is needed/)
})
