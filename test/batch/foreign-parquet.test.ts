import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type ColumnMetaData, type FileMetaData, parquetMetadata, type SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { openSegment } from '../../src/core/segment.ts'
import { parseInstant } from '../../src/core/time.ts'
import { elementType, encodeValue, type Value, type ValueType } from '../../src/core/value.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

// Files as others write them: those of `foreign-parquet/` by pyarrow (`make.py` there), the others here. What is loaded is
// read back from the log and held against what DuckDB reads from the same file.

const NOW = parseInstant('2026-03-01T00:00:00Z')
const ROWS = 60
const GOLDEN = 'test/batch/foreign-parquet'

let duckdb: DuckDBConnection
let folder: string
beforeAll(async () => {
  duckdb = await openDuckdb()
  folder = await mkdtemp(join(tmpdir(), 'foreign-parquet-'))
})
afterAll(async () => {
  duckdb.closeSync()
  await rm(folder, { recursive: true })
})

type Columns = Readonly<Record<string, ValueType>>

/** A store whose one view has these columns of its source as they are. */
async function storeOf(columns: Columns): Promise<MemoryPlatform> {
  const platform = memoryPlatform(NOW)
  const typed = Object.entries(columns).map(([name, type]) => ({ name, type }))
  await applyClicks(platform, {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [{ name: 'at', type: 'timestamp' }, { name: 'user', type: 'string' }, ...typed],
        landing: { format: 'parquet' },
      },
    ],
    feature_views: [
      {
        name: 'clicks',
        entity: 'user',
        source: 'clicks',
        features: typed.map(({ name, type }) => ({ name, type, sql: `"${name}"` })),
      },
    ],
  })
  return platform
}

async function load(platform: MemoryPlatform, bytes: Uint8Array) {
  platform.land('clicks', 'a.parquet', new Uint8Array(bytes))
  const [started] = await startLoads(platform, 'clicks', { badRowsMax: 0 })
  return describeLoad(platform, started!.id)
}

/** JSON texts of what the log holds, by row number of the file. */
async function loggedRows(platform: MemoryPlatform, columns: Columns): Promise<Record<string, string>[]> {
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  const schema = segmentSchema(snapshot, snapshot.views['clicks@1']!)
  const rows = Array.from({ length: ROWS }, (): Record<string, string> => ({}))
  for (const segment of await platform.offline.list('clicks', 1)) {
    const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
    const read = (name: string) => file.readColumn(name, 0, file.rowCount)
    const places = (await read('sequence_index')) as ArrayLike<bigint>
    for (const [name, type] of Object.entries(columns)) {
      const values = (await read(name)) as ArrayLike<Value>
      for (let at = 0; at < places.length; at++)
        rows[Number(places[at])]![name] = encodeValue(type, values[at] ?? null)
    }
  }
  return rows
}

/** How DuckDB gives a value of each type: decimals by their digits, times by microseconds. */
const ORACLE: Readonly<Record<string, (column: string) => string>> = {
  timestamp: (column) => `epoch_us(${column}::TIMESTAMP)`,
  string: (column) => `${column}::VARCHAR`,
  float64: (column) => `CASE WHEN ${column} IS NULL THEN NULL ELSE ${column}::VARCHAR END`,
  int64: (column) => `${column}::BIGINT`,
}

function oracleSql(name: string, type: ValueType): string {
  const element = elementType(type)
  const asIs = (column: string) => column
  if (element === undefined) return (ORACLE[type] ?? asIs)(`"${name}"`)
  return `list_transform("${name}", lambda item: ${(ORACLE[element] ?? asIs)('item')})`
}

function oracleValue(type: ValueType, value: unknown): Value {
  const element = elementType(type)
  if (value === null) return null
  if (element !== undefined)
    return (value as { items: unknown[] }).items.map((item) => oracleValue(element, item))
  return type === 'timestamp' || type === 'float64' ? Number(value) : (value as Value)
}

async function rowsByDuckDB(path: string, columns: Columns): Promise<Record<string, string>[]> {
  const typed = Object.entries(columns)
  const select = typed.map(([name, type]) => oracleSql(name, type)).join(', ')
  const reader = await duckdb.runAndReadAll(`SELECT ${select} FROM '${path}'`)
  return reader
    .getRows()
    .map((row) =>
      Object.fromEntries(
        typed.map(([name, type], at) => [name, encodeValue(type, oracleValue(type, row[at]))]),
      ),
    )
}

async function expectLoaded(path: string, columns: Columns): Promise<void> {
  const platform = await storeOf(columns)
  const report = await load(platform, await readFile(path))
  expect(report.error).toBeUndefined()
  const expected = await rowsByDuckDB(path, columns)
  expect(report).toMatchObject({ status: 'succeeded', rows: { written: expected.length, rejected: 0 } })
  expect(await loggedRows(platform, columns)).toEqual(expected)
}

const NUMBERS: Columns = {
  int: 'int64',
  small: 'int64',
  unsigned: 'int64',
  float: 'float64',
  single: 'float64',
  text: 'string',
  flag: 'bool',
  empty: 'int64',
}
const LISTS: Columns = { ints: 'list<int64>', texts: 'list<string>', times: 'list<timestamp>' }

test.each<[string, Columns]>([
  ['int96', { time: 'timestamp', plain: 'timestamp' }],
  ['millis', { time: 'timestamp' }],
  ['micros', { time: 'timestamp' }],
  ['nanos', { time: 'timestamp' }],
  ['date', { time: 'timestamp' }],
  ['encodings-v1', NUMBERS],
  ['encodings-v2', NUMBERS],
  ['delta-lengths', { text: 'string' }],
  ['v2-snappy', NUMBERS],
  ['v2-gzip', NUMBERS],
  ['v2-zstd', NUMBERS],
  ['v2-lz4', NUMBERS],
  ['v2-brotli', NUMBERS],
  ['v2-none', NUMBERS],
  ['lists-item', LISTS],
  ['lists-v2', LISTS],
  ['lists-required', { items: 'list<int64>', list: 'list<int64>', both: 'list<int64>' }],
])('a load of %s.parquet gives every value as DuckDB reads it (S1, S14, S15, S16)', (name, columns) =>
  expectLoaded(`${GOLDEN}/${name}.parquet`, columns),
)

test.each(['decimal-integers', 'decimal-bytes'])(
  'a load of %s.parquet gives decimals with all their digits, as floats nearest to them, as integers where they are (S14)',
  async (name) => {
    const path = `${GOLDEN}/${name}.parquet`
    await expectLoaded(path, {
      short: 'string',
      long: 'string',
      wide: 'string',
      whole: 'string',
      wider: 'string',
    })
    await expectLoaded(path, {
      short: 'float64',
      long: 'float64',
      wide: 'float64',
      whole: 'int64',
      wider: 'int64',
    })
  },
)

test.each([
  [
    'decimal-bytes',
    { short: 'int64' },
    'column "short" is FIXED_LEN_BYTE_ARRAY DECIMAL(9, 2), int64 is needed',
  ],
  [
    'decimal-integers',
    { whole: 'timestamp', short: 'bool' },
    'column "whole" is INT64 DECIMAL(18, 0), timestamp is needed; column "short" is INT32 DECIMAL(9, 2), bool is needed',
  ],
  ['date', { time: 'string' }, 'column "time" is INT32 DATE, string is needed'],
  ['int96', { time: 'int64' }, 'column "time" is INT96, int64 is needed'],
  ['v2-none', { int: 'timestamp' }, 'column "int" is INT64, timestamp is needed'],
  ['v2-none', { text: 'bytes' }, 'column "text" is BYTE_ARRAY STRING, bytes is needed'],
  [
    'lists-item',
    { texts: 'list<int64>' },
    'column "texts" is group LIST of BYTE_ARRAY STRING, list<int64> is needed',
  ],
  ['no-counterpart', { time_of_day: 'timestamp' }, 'column "time_of_day" is INT64 TIME, timestamp is needed'],
  ['no-counterpart', { struct: 'string' }, 'column "struct" is group, string is needed'],
  ['no-counterpart', { map: 'string' }, 'column "map" is group MAP, string is needed'],
  [
    'no-counterpart',
    { nested: 'list<int64>' },
    'column "nested" is group LIST of group LIST, list<int64> is needed',
  ],
] as const)(
  'a load of %s.parquet as %j is refused by file, column and type',
  async (name, columns, reason) => {
    const platform = await storeOf(columns)
    const report = await load(platform, await readFile(`${GOLDEN}/${name}.parquet`))
    expect(report).toMatchObject({ status: 'failed', error: `Cannot load file "a.parquet": ${reason}` })
    expect(platform.manifest.size).toBe(0)
  },
)

test('a decimal beyond any int64 spoils its row, which is told by number and column (S14)', async () => {
  const path = join(folder, 'huge.parquet')
  await duckdb.run(
    `COPY (SELECT make_timestamp(${NOW} - 10 + i) AS at, 'ann' AS user, (i * 9::DECIMAL(38, 0) * 10::DECIMAL(38,0)^18) :: DECIMAL(38, 0) AS big FROM range(3) AS rows(i)) TO '${path}' (FORMAT parquet)`,
  )
  const report = await load(await storeOf({ big: 'int64' }), await readFile(path))
  expect(report.error).toBe(
    'Cannot load "a.parquet": 1 rows are bad and max_bad_rows is 0; row 2: Column "big": Cannot read "18000000000000000000" as int64',
  )
})

test.each(
  ['snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli', 'uncompressed'].flatMap((codec) =>
    ['V1', 'V2'].map((version) => [codec, version] as const),
  ),
)('a load of what DuckDB writes as %s in pages of %s gives every value back', async (codec, version) => {
  const path = join(folder, `${codec}-${version}.parquet`)
  await duckdb.run(
    `COPY (SELECT make_timestamp(${NOW - 1_000} + i) AS at, 'user-' || i % 9 AS user,
        CASE WHEN i % 7 <> 3 THEN (i - 30) * 3000000019 * (i % 5) END AS int,
        CASE WHEN i % 7 <> 3 THEN ((i - 30) * 71582788)::INTEGER END AS small,
        CASE WHEN i % 7 <> 3 THEN i::UBIGINT END AS unsigned,
        CASE WHEN i % 7 <> 3 THEN (i - 30) / 7 END AS float,
        CASE WHEN i % 7 <> 3 THEN ((i - 30) / 8)::FLOAT END AS single,
        CASE WHEN i % 7 <> 3 THEN 'aü😀' || repeat('x', i % 13) || i END AS text,
        CASE WHEN i % 7 <> 3 THEN i % 3 = 0 END AS flag,
        NULL::BIGINT AS empty,
        CASE WHEN i % 7 <> 3 THEN make_timestamp((i - 20) * 8640000000001) END AS time,
        CASE WHEN i % 7 <> 3 THEN make_timestamp((i - 20) * 8640000000001)::TIMESTAMP_NS END AS nano,
        CASE WHEN i % 7 <> 3 THEN make_timestamp((i - 20) * 8640000000001)::DATE END AS day,
        CASE WHEN i % 7 <> 3 THEN ((i - 30) * 1.07)::DECIMAL(7, 2) END AS cents,
        CASE WHEN i % 7 <> 3 THEN ('00000000-0000-0000-0000-0000000000' || (10 + i))::UUID END AS uuid,
        CASE WHEN i % 7 <> 3 THEN [i, NULL, i * 2][: i % 4] END AS ints
       FROM range(${ROWS}) AS rows(i)) TO '${path}' (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${version})`,
  )
  await expectLoaded(path, {
    ...NUMBERS,
    time: 'timestamp',
    nano: 'timestamp',
    day: 'timestamp',
    cents: 'float64',
    uuid: 'string',
    ints: 'list<int64>',
  })
})

/** A file of columns that are declared as nobody declares them any more; the event time and the key are as ever. */
async function writeOld(name: string, columns: readonly { elements: SchemaElement[]; data: unknown[] }[]) {
  const writer = new ByteWriter()
  const time: SchemaElement = {
    name: 'at',
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    repetition_type: 'REQUIRED',
  }
  const user: SchemaElement = {
    name: 'user',
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    repetition_type: 'REQUIRED',
  }
  const rows = Array.from({ length: ROWS }, (_, row) => row)
  const given = [
    { elements: [time], data: rows.map((row) => BigInt(NOW - ROWS + row)) },
    { elements: [user], data: rows.map((row) => `user-${row % 9}`) },
    ...columns,
  ]
  const parquet = new ParquetWriter({
    writer,
    schema: [{ name: 'root', num_children: given.length }, ...given.flatMap(({ elements }) => elements)],
  })
  parquet.write({
    columnData: given.map(({ elements, data }) => ({ name: elements[0]!.name, data: data as never[] })),
  })
  parquet.finish()
  const path = join(folder, name)
  await writeFile(path, writer.getBytes())
  return path
}

const orNull = <T>(value: (row: number) => T) =>
  Array.from({ length: ROWS }, (_, row) => (row % 7 === 3 ? null : value(row)))

test('a load of columns with only the older annotations gives every value as DuckDB reads it (S1)', async () => {
  const column = (
    name: string,
    type: 'INT32' | 'INT64',
    converted_type: SchemaElement['converted_type'],
    data: unknown[],
  ) => ({
    elements: [{ name, type, converted_type, repetition_type: 'OPTIONAL' } as SchemaElement],
    data,
  })
  const path = await writeOld('old.parquet', [
    column(
      'millis',
      'INT64',
      'TIMESTAMP_MILLIS',
      orNull((row) => BigInt((row - 20) * 8_640_000_001)),
    ),
    column(
      'micros',
      'INT64',
      'TIMESTAMP_MICROS',
      orNull((row) => BigInt((row - 20) * 8_640_000_000_001)),
    ),
    column(
      'day',
      'INT32',
      'DATE',
      orNull((row) => (row - 20) * 97),
    ),
    column(
      'byte',
      'INT32',
      'INT_8',
      orNull((row) => row - 30),
    ),
    column(
      'unsigned',
      'INT64',
      'UINT_64',
      orNull((row) => BigInt(row) << 57n),
    ),
  ])
  await expectLoaded(path, {
    millis: 'timestamp',
    micros: 'timestamp',
    day: 'timestamp',
    byte: 'int64',
    unsigned: 'int64',
  })
})

/** The file with another footer: what its pages hold is said in another way. */
function withFooter(bytes: Uint8Array, edit: (metadata: FileMetaData) => FileMetaData): Uint8Array {
  const metadata = parquetMetadata(new Uint8Array(bytes).buffer)
  const writer = new ByteWriter()
  writer.appendBytes(bytes.subarray(0, bytes.length - 8 - metadata.metadata_length))
  const row_groups = metadata.row_groups.map(({ columns, ...group }) => ({
    ...group,
    columns: columns.map(({ meta_data, file_offset }) => {
      const { statistics: _, ...rest } = meta_data!
      return { file_offset, meta_data: rest }
    }),
  }))
  writeMetadata(writer, edit({ ...metadata, row_groups }))
  writer.appendBytes(bytes.subarray(-4))
  return writer.getBytes()
}

/** The same metadata with the chunks of one column edited. */
function editChunks(
  metadata: FileMetaData,
  column: string,
  edit: (chunk: ColumnMetaData) => object,
): FileMetaData {
  const row_groups = metadata.row_groups.map(({ columns, ...group }) => ({
    ...group,
    columns: columns.map((chunk) => {
      const isEdited = chunk.meta_data!.path_in_schema[0] === column
      return isEdited ? { ...chunk, meta_data: { ...chunk.meta_data!, ...edit(chunk.meta_data!) } } : chunk
    }),
  }))
  return { ...metadata, row_groups }
}

test.each(['element', 'array'])(
  'a load of a list of two levels, the lower one called %s, gives it as DuckDB reads it (S16)',
  async (item) => {
    const list: SchemaElement[] = [
      { name: 'ints', converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'INT32', repetition_type: 'REQUIRED' },
    ]
    const data = orNull((row) => Array.from({ length: row % 4 }, (_, at) => row * at))
    const path = await writeOld(`two-levels-${item}.parquet`, [{ elements: list, data }])
    // The levels of both are alike: only the schema tells them apart.
    const bytes = withFooter(await readFile(path), (metadata) =>
      editChunks(
        {
          ...metadata,
          schema: metadata.schema.flatMap((element): SchemaElement[] => {
            if (element.name === 'list') return []
            return element.name === 'element'
              ? [{ ...element, name: item, repetition_type: 'REPEATED' }]
              : [element]
          }),
        },
        'ints',
        () => ({ path_in_schema: ['ints', item] }),
      ),
    )
    await writeFile(path, bytes)
    await expectLoaded(path, { ints: 'list<int64>' })
  },
)

test.each([
  [
    { codec: 'LZO' },
    'it is compressed as LZO, one of UNCOMPRESSED, SNAPPY, GZIP, BROTLI, ZSTD, LZ4, LZ4_RAW is needed',
  ],
  [
    { encodings: ['PLAIN', 'NONE'] },
    'it is encoded as something unknown, one of PLAIN, RLE, BIT_PACKED, PLAIN_DICTIONARY, RLE_DICTIONARY, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT is needed',
  ],
])(
  'a load of a column stored with %j is refused by file, column and what is supported',
  async (edit, reason) => {
    const golden = await readFile(`${GOLDEN}/v2-none.parquet`)
    const bytes = withFooter(golden, (metadata) => editChunks(metadata, 'int', () => edit))
    const report = await load(await storeOf(NUMBERS), bytes)
    expect(report).toMatchObject({
      status: 'failed',
      error: `Cannot read column "int" of file "a.parquet": ${reason}`,
    })
  },
)

test('a load of integers that no int64 holds is refused by file, column and value (S14)', async () => {
  const elements: SchemaElement[] = [
    { name: 'big', type: 'INT64', converted_type: 'UINT_64', repetition_type: 'OPTIONAL' },
  ]
  const path = await writeOld('unsigned.parquet', [{ elements, data: orNull((row) => BigInt(row) << 58n) }])
  const report = await load(await storeOf({ big: 'int64' }), await readFile(path))
  expect(report).toMatchObject({
    status: 'failed',
    error:
      'Cannot read column "big" of file "a.parquet": it holds 9223372036854775808, an int64 ends at 9223372036854775807',
  })
})

test('a load of text keeps a byte order mark, and refuses what is not UTF-8 by file and column (S13)', async () => {
  const path = join(folder, 'text.parquet')
  await duckdb.run(
    `COPY (SELECT make_timestamp(${NOW - 1_000} + i) AS at, 'ann' AS user, chr(65279) || 'a' || i AS text
     FROM range(${ROWS}) AS rows(i)) TO '${path}' (FORMAT parquet, COMPRESSION gzip)`,
  )
  const platform = await storeOf({ text: 'string' })
  expect(await load(platform, await readFile(path))).toMatchObject({ status: 'succeeded' })
  const [first] = await loggedRows(platform, { text: 'string' })
  expect(first).toEqual({ text: '"\\ufeffa0"' })
  await duckdb.run(
    `COPY (SELECT make_timestamp(${NOW - 1_000} + i) AS at, 'ann' AS user, 'spoilt' || i AS text
     FROM range(${ROWS}) AS rows(i)) TO '${path}' (FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1)`,
  )
  const bytes = await readFile(path)
  bytes[bytes.indexOf('spoilt7')] = 0xff
  const report = await load(await storeOf({ text: 'string' }), bytes)
  expect(report).toMatchObject({
    status: 'failed',
    error: 'Cannot read column "text" of file "a.parquet": a string is not UTF-8',
  })
})
