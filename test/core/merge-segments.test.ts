import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeKey } from '../../src/core/entity-key.ts'
import { COMMIT_COLUMN } from '../../src/core/log-columns.ts'
import { mergeSegments } from '../../src/core/merge-segments.ts'
import { openParquet } from '../../src/core/parquet.ts'
import { compareStamps, compareText, type Stamp } from '../../src/core/row.ts'
import { encodeSegment, type SegmentSchema, scanSegment } from '../../src/core/segment.ts'
import { encodeValue, type Value } from '../../src/core/value.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { memoryBuffer } from '../platform/memory-buffer.ts'

interface Row extends Stamp {
  readonly user: string
  readonly day: bigint
  readonly values: readonly [bigint | null, readonly string[] | null]
}

const SCHEMA: SegmentSchema = {
  keys: [
    { name: 'user', type: 'string' },
    { name: 'day', type: 'int64' },
  ],
  features: [
    { name: 'count', type: 'int64' },
    { name: 'tags', type: 'list<string>' },
  ],
}
const small = (max: number) => fc.integer({ min: 0, max })
const arbitraryRow: fc.Arbitrary<Row> = fc.record({
  user: fc.constantFrom('a', 'b', 'ü', 'a"b'),
  day: fc.bigInt({ min: 0n, max: 2n }),
  eventTime: small(3),
  createdTime: small(1),
  ingestTime: small(5),
  sequenceTime: small(1),
  sequenceOrigin: fc.constantFrom('p', 'q'),
  sequenceIndex: small(1),
  values: fc.tuple(
    fc.option(fc.bigInt({ min: 0n, max: 2n }), { nil: null }),
    fc.option(fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }), { nil: null }),
  ),
})
const arbitrarySegments = fc.array(fc.array(arbitraryRow, { maxLength: 12 }), { minLength: 1, maxLength: 5 })

const keyOf = ({ user, day }: Row) => encodeKey(['string', 'int64'], [user, day])
const textOf = (key: string, stamp: Stamp, values: readonly Value[]) =>
  [
    key,
    stamp.eventTime,
    stamp.createdTime,
    stamp.sequenceTime,
    stamp.sequenceOrigin,
    stamp.sequenceIndex,
    ...values.map((value, at) => encodeValue(SCHEMA.features[at]!.type, value)),
  ].join()

function encode(rows: readonly Row[]): Uint8Array {
  const sorted = rows.toSorted((a, b) => compareText(keyOf(a), keyOf(b)) || compareStamps(a, b))
  return encodeSegment(SCHEMA, {
    keys: [sorted.map(({ user }) => user), sorted.map(({ day }) => day)],
    stamps: sorted,
    features: [sorted.map(({ values }) => values[0]), sorted.map(({ values }) => values[1])],
  })
}

const open = (bytes: Uint8Array) => openParquet(memoryBuffer(bytes), 'a segment')

test('mergeSegments() keeps each row once, in order, under its first commit (S5)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitrarySegments, async (segments) => {
      const files = await Promise.all(
        segments.map(async (rows, commit) => ({ file: await open(encode(rows)), commit: commit + 1 })),
      )
      // In two rounds, so that one of the merged is merged itself.
      const half = await mergeSegments(files.slice(0, 2))
      const merged = await mergeSegments([
        { file: await open(half.bytes), commit: half.commitMax },
        ...files.slice(2),
      ])

      const firstCommits = new Map<string, number>()
      segments.forEach((rows, at) => {
        for (const row of rows) {
          const text = textOf(keyOf(row), row, row.values)
          if (!firstCommits.has(text)) firstCommits.set(text, at + 1)
        }
      })
      const file = await open(merged.bytes)
      const found: { key: string; stamp: Stamp; text: string }[] = []
      await scanSegment(file, SCHEMA, (key, stamp, values) =>
        found.push({ key, stamp, text: textOf(key, stamp, values) }),
      )
      const commits =
        file.rowCount === 0 ? [] : [...Array.from(await file.readColumn(COMMIT_COLUMN, 0, file.rowCount))]
      expect(new Map(found.map(({ text }, at) => [text, Number(commits[at])]))).toEqual(firstCommits)
      expect(found).toHaveLength(firstCommits.size)
      for (const [at, row] of found.entries()) {
        const before = found[at - 1]
        if (before === undefined) continue
        expect(
          compareText(before.key, row.key) || compareStamps(before.stamp, row.stamp),
        ).toBeLessThanOrEqual(0)
      }
      const rows = segments.flat()
      if (rows.length === 0) return
      expect(merged).toMatchObject({
        commitMin: Math.min(...firstCommits.values()),
        commitMax: Math.max(...firstCommits.values()),
        statistics: {
          rowCount: found.length,
          eventTimeMin: Math.min(...rows.map(({ eventTime }) => eventTime)),
          eventTimeMax: Math.max(...rows.map(({ eventTime }) => eventTime)),
        },
      })
    }),
  )
})

test('mergeSegments() makes a file that DuckDB reads, with bloom filters on the keys', async () => {
  const rows = Array.from(
    { length: 200 },
    (_, at): Row => ({
      user: `user ${at}`,
      day: BigInt(at % 3),
      eventTime: at,
      createdTime: at,
      ingestTime: at,
      sequenceTime: at,
      sequenceOrigin: 'p',
      sequenceIndex: 0,
      values: [BigInt(at), ['x']],
    }),
  )
  const files = await Promise.all(
    [rows.slice(0, 90), rows.slice(90)].map(async (some, at) => ({
      file: await open(encode(some)),
      commit: at,
    })),
  )
  const folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  try {
    const path = join(folder, 'merged.parquet')
    await writeFile(path, (await mergeSegments(files)).bytes)
    const db = await openDuckdb()
    const read = async (sql: string) => (await db.runAndReadAll(sql)).getRowsJS()
    expect(await read(`SELECT count(*), sum(count), max(commit) FROM '${path}'`)).toEqual([
      [200n, 19_900n, 1n],
    ])
    const blooms = `SELECT DISTINCT path_in_schema FROM parquet_metadata('${path}') WHERE bloom_filter_offset > 0`
    expect(await read(`${blooms} ORDER BY 1`)).toEqual([['day'], ['user']])
    db.closeSync()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('mergeSegments() gives a column null in the rows of segments that are without it', async () => {
  const wide = encodeSegment(SCHEMA, {
    keys: [['a'], [1n]],
    stamps: [
      { eventTime: 1, createdTime: 1, ingestTime: 1, sequenceTime: 1, sequenceOrigin: 'p', sequenceIndex: 0 },
    ],
    features: [[7n], [['x']]],
  })
  const narrow = encodeSegment(
    { ...SCHEMA, features: SCHEMA.features.slice(0, 1) },
    {
      keys: [['a'], [1n]],
      stamps: [
        {
          eventTime: 2,
          createdTime: 2,
          ingestTime: 2,
          sequenceTime: 2,
          sequenceOrigin: 'p',
          sequenceIndex: 0,
        },
      ],
      features: [[8n]],
    },
  )
  const merged = await mergeSegments([
    { file: await open(narrow), commit: 1 },
    { file: await open(wide), commit: 2 },
  ])
  const found: (readonly Value[])[] = []
  await scanSegment(await open(merged.bytes), SCHEMA, (_key, _stamp, values) => found.push(values))
  expect(found).toEqual([
    [7n, ['x']],
    [8n, null],
  ])
})
