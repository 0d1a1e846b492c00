import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetMetadataAsync } from 'hyparquet'
import { ByteWriter, ParquetWriter as OtherWriter } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import type { Compression } from '../../src/core/column-chunk/encode-chunk.ts'
import { placesOf } from '../../src/core/column-chunk/page-places.ts'
import { openParquet, type ParquetColumn, type ParquetFile, writeParquet } from '../../src/core/parquet.ts'
import { schemaElements } from '../../src/core/parquet-types.ts'
import { INT64_MAX, INT64_MIN, SCALAR_TYPES, type Value, type ValueType } from '../../src/core/value.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'

const VALUES: Partial<Record<ValueType, fc.Arbitrary<Value>>> = {
  int64: fc.oneof(
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
    fc.bigInt({ min: -3n, max: 3n }),
    fc.constantFrom(INT64_MIN, INT64_MAX, 2n ** 32n, -(2n ** 32n), 2n ** 31n),
  ),
  timestamp: fc.oneof(
    fc.maxSafeInteger(),
    fc.constantFrom(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, -1, 0, 2 ** 32, -(2 ** 32)),
  ),
  float64: fc.oneof(
    fc.double(),
    fc.constantFrom(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  ),
  string: fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('', 'a', 'ü', '\u{1f600}')),
  bool: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 5 }),
  'list<int64>': fc.array(fc.option(fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 }),
}

/** Columns of every kind of type, drawn from few values or many, with nulls or without. */
const arbitraryColumns = fc.integer({ min: 1, max: 300 }).chain((rowCount) =>
  fc.tuple(
    ...Object.entries(VALUES).map(([type, value]) =>
      fc
        .record({
          pool: fc.array(value, { minLength: 1, maxLength: 200 }),
          picks: fc.array(fc.nat(), { minLength: rowCount, maxLength: rowCount }),
          /** Long runs, as sorted columns have. */
          run: fc.integer({ min: 1, max: 40 }),
          nullShare: fc.constantFrom(0, 0, 3, 1),
        })
        .map(({ pool, picks, run, nullShare }): ParquetColumn => {
          const values = picks.map((_, row) => {
            const pick = picks[Math.floor(row / run)]!
            return nullShare > 0 && pick % nullShare === 0 ? null : pool[pick % pool.length]!
          })
          return { name: type, type: type as ValueType, required: nullShare === 0, values }
        }),
    ),
  ),
)

const arbitraryCompression = fc.constantFrom(...(['always', 'where it pays', 'never'] as const))

async function readBack(file: ParquetFile, name: string): Promise<unknown[]> {
  const values: unknown[] = []
  for (const [group] of file.rowGroups.entries()) {
    const vector = await file.readVector(name, group)
    values.push(...Array.from(vector.values, (value, row) => (vector.nulls?.[row] ? null : value)))
  }
  return values
}

test('what writeParquet() writes, hyparquet and the store read back as it was, in pages of either writer (S14, S15)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryColumns, arbitraryCompression, async (columns, compression) => {
      const bytes = writeParquet(columns, { compression })
      expect(writeParquet(columns, { compression })).toEqual(bytes)
      const ours = await openParquet(bufferOf(bytes), 'ours')
      const theirs = await openParquet(bufferOf(writeWithOther(columns)), 'theirs')
      for (const { name, values } of columns) {
        const expected = Array.from(values)
        const read = Array.from(await ours.readColumn(name, 0, expected.length), (value) => value ?? null)
        expect(read, name).toEqual(expected)
        expect(await readBack(ours, name), name).toEqual(expected)
        // The other writer takes 0 and -0 for one value where it makes a dictionary.
        const other = (await readBack(theirs, name)).map((value) => (value === 0 ? 0 : value))
        expect(other, name).toEqual(expected.map((value) => (value === 0 ? 0 : value)))
      }
    }),
    { numRuns: 100 },
  )
})

test('readVectorRange() of any rows is what readColumn() says, of the whole chunk and of the pages that hold them alone', async () => {
  const arbitraryCut = fc.tuple(fc.nat(299), fc.nat(299))
  await fc.assert(
    fc.asyncProperty(
      arbitraryColumns,
      arbitraryCut,
      fc.constantFrom('UNCOMPRESSED', 'SNAPPY') as fc.Arbitrary<'UNCOMPRESSED' | 'SNAPPY'>,
      async (columns, [from, length], codec) => {
        const buffer = countingBuffer(writeWithOther(columns, { codec, pageSize: 64 }))
        const file = await openParquet(buffer, 'theirs')
        const rowStart = Math.min(from, file.rowCount - 1)
        const rowEnd = Math.min(rowStart + 1 + length, file.rowCount)
        for (const { name } of columns) {
          const places = await file.locatePages(name, 0)
          if (places === undefined) {
            expect(await file.readVectorRange(name, { rowStart, rowEnd }), name).toBeUndefined()
            continue
          }
          expect(places.reduce((sum, place) => sum + place.rowCount, 0)).toBe(file.rowCount)
          const wanted = Array.from(await file.readColumn(name, rowStart, rowEnd), (value) => value ?? null)
          for (const given of [{}, { places }, { places: placesOf(places, rowStart, rowEnd) }]) {
            buffer.read.bytes = 0
            const vector = await file.readVectorRange(name, { rowStart, rowEnd, ...given })
            const read = Array.from(vector!.values, (value, row) => (vector!.nulls?.[row] ? null : value))
            expect(read, name).toEqual(wanted)
            if (!('places' in given)) continue
            const needed = placesOf(places, rowStart, rowEnd)
            expect(buffer.read.bytes).toBe(needed.reduce((sum, { byteCount }) => sum + byteCount, 0))
          }
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('DuckDB reads what writeParquet() writes, and its statistics hide no row', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parquet-'))
  const duckdb = await openDuckdb()
  let fileCount = 0
  try {
    await fc.assert(
      fc.asyncProperty(arbitraryColumns, arbitraryCompression, async (columns, compression) => {
        // DuckDB remembers files by their names.
        const path = join(folder, `${fileCount++}.parquet`)
        await writeFile(path, writeParquet(columns, { compression }))
        const reader = await duckdb.runAndReadAll(
          `SELECT "int64", epoch_us("timestamp"), "float64", encode("string"), "bool", "bytes" FROM '${path}'`,
        )
        const text = (value: Value) => Array.from(new TextEncoder().encode(value as string))
        const rows = reader.getRows().map(([int64, time, float64, string, bool, bytes]) => ({
          int64,
          timestamp: time === null ? null : Number(time),
          float64,
          string: string === null ? null : Array.from((string as unknown as { bytes: Uint8Array }).bytes),
          bool,
          bytes: bytes === null ? null : Uint8Array.from((bytes as unknown as { bytes: Uint8Array }).bytes),
        }))
        for (const type of SCALAR_TYPES) {
          const { values } = columns.find(({ name }) => name === type)!
          const expected = Array.from(values, (value) =>
            value !== null && type === 'string' ? text(value) : value,
          )
          expect(
            rows.map((row) => row[type]),
            type,
          ).toEqual(expected)
        }
        const int64s = columns.find(({ name }) => name === 'int64')!.values
        const wanted = Array.from(int64s).find((value) => value !== null)
        if (wanted === undefined) return
        const found = await duckdb.runAndReadAll(`SELECT count(*) FROM '${path}' WHERE "int64" = ${wanted}`)
        expect(found.getRows()[0]![0]).toBe(BigInt(Array.from(int64s).filter((v) => v === wanted).length))
      }),
      { numRuns: 40, endOnFailure: true },
    )
  } finally {
    duckdb.closeSync()
    await rm(folder, { recursive: true })
  }
})

test('a writer compresses every chunk, those that get less than half as large by it, or none', async () => {
  const rows = Array.from({ length: 10_000 }, (_, row) => row)
  const columns: ParquetColumn[] = [
    { name: 'flat', type: 'float64', values: rows.map(() => 1.5) },
    // Snappy finds little in it.
    { name: 'rough', type: 'float64', values: rows.map((row) => Math.sqrt(row)) },
    { name: 'none', type: 'int64', values: rows.map(() => null) },
    // Most values of its beginning come for the first time, of the rest hardly one.
    { name: 'again', type: 'float64', values: rows.map((row) => Math.sqrt((row * 7_919) % 1_009)) },
  ]
  const sizes = async (compression: Compression) => {
    const bytes = writeParquet(columns, { compression })
    const { rowGroups } = await openParquet(bufferOf(bytes), 'file')
    const { row_groups } = await parquetMetadataAsync(bufferOf(bytes))
    const codecs = row_groups[0]!.columns.map(({ meta_data }) => meta_data!.codec)
    return columns.map(({ name }, at) => ({ codec: codecs[at], bytes: rowGroups[0]!.sizes(name).column }))
  }
  const [never, pays, always] = [await sizes('never'), await sizes('where it pays'), await sizes('always')]
  expect(never.map(({ codec }) => codec)).toEqual(Array(4).fill('UNCOMPRESSED'))
  expect(pays.map(({ codec }) => codec)).toEqual(['SNAPPY', 'UNCOMPRESSED', 'UNCOMPRESSED', 'SNAPPY'])
  expect(always.map(({ codec }) => codec)).toEqual(Array(4).fill('SNAPPY'))
  expect(pays[0]!.bytes).toBeLessThan(never[0]!.bytes / 2)
})

function writeWithOther(
  columns: readonly ParquetColumn[],
  { codec, pageSize }: { readonly codec?: 'UNCOMPRESSED' | 'SNAPPY'; readonly pageSize?: number } = {},
): Uint8Array {
  const writer = new ByteWriter()
  const parquet = new OtherWriter({
    writer,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaElements)],
    ...(codec === undefined ? {} : { codec }),
  })
  parquet.write({
    columnData: columns.map(({ name, values }) => ({ name, data: Array.from(values) as never[] })),
    ...(pageSize === undefined ? {} : { pageSize }),
  })
  parquet.finish()
  return writer.getBytes()
}

function bufferOf(bytes: Uint8Array) {
  return {
    byteLength: bytes.length,
    slice: async (start: number, end = bytes.length) =>
      bytes.slice(start < 0 ? bytes.length + start : start, end).buffer,
  }
}

/** Counts what is read of it. */
function countingBuffer(bytes: Uint8Array) {
  const buffer = bufferOf(bytes)
  const read = { bytes: 0 }
  return {
    ...buffer,
    read,
    async slice(start: number, end?: number) {
      const sliced = await buffer.slice(start, end)
      read.bytes += sliced.byteLength
      return sliced
    },
  }
}
