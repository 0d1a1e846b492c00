import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arrangeLabels, createJoin, finishJoin, offerRows } from '../../src/core/join.ts'
import { compareStamps, compareText, type Stamp } from '../../src/core/row.ts'
import { oracleValue } from '../oracles/latest-row.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'

interface Row extends Stamp {
  readonly key: string
  readonly value: bigint
}

const small = (max: number) => fc.integer({ min: 0, max })
/** Few keys and few times, so that ties of every depth are common. */
const arbitraryRows: fc.Arbitrary<Row[]> = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      eventTime: small(12),
      createdTime: small(3),
      sequenceTime: small(2),
      sequenceOrigin: fc.constantFrom('p', 'q'),
    }),
    { maxLength: 40 },
  )
  // The index makes a sequence unique, as the door does; the value names the row.
  .map((rows) =>
    rows.map((row, at) => ({ ...row, ingestTime: row.sequenceTime, sequenceIndex: at, value: BigInt(at) })),
  )
const arbitraryLabels = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'none'), time: small(14) }), {
  maxLength: 20,
})

/** Offers the rows in batches of this size; answers the value that each label sees. */
function joinRows(
  rows: readonly Row[],
  labels: readonly { key: string; time: number }[],
  { isKnowledgeCutoff = false, batchSize = 7 } = {},
) {
  const slots = arrangeLabels(
    labels.map(({ key }) => key),
    labels.map(({ time }) => time),
  )
  const join = createJoin(slots)
  const valueBySlot: bigint[] = []
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.slice(start, start + batchSize)
    const column = (read: (row: Row) => number) => Float64Array.from(batch, read)
    const held = offerRows(join, {
      keys: Int32Array.from(batch, ({ key }) => slots.numberByKey.get(key) ?? -1),
      stamps: {
        eventTime: column(({ eventTime }) => eventTime),
        createdTime: column(({ createdTime }) => createdTime),
        sequenceTime: column(({ sequenceTime }) => sequenceTime),
        sequenceOrigin: batch.map(({ sequenceOrigin }) => sequenceOrigin),
        sequenceIndex: column(({ sequenceIndex }) => sequenceIndex),
      },
      available: column(({ eventTime, createdTime }) =>
        isKnowledgeCutoff ? Math.max(eventTime, createdTime) : eventTime,
      ),
    })
    for (const [at, slot] of held.slots.entries()) valueBySlot[slot] = batch[held.rows[at]!]!.value
  }
  const shown = finishJoin(join)
  return labels.map((_, label) => {
    const slot = shown[slots.slotByLabel[label]!]!
    return slot < 0 ? null : valueBySlot[slot]!
  })
}

test('the join keeps every label in order and gives each what the plain oracle gives (S2, S5, S6, S21)', () => {
  fc.assert(
    fc.property(arbitraryRows, arbitraryLabels, fc.boolean(), (rows, labels, isKnowledgeCutoff) => {
      const expected = labels.map(
        ({ key, time }) => oracleValue(rows, key, time, { ttlUs: null, isKnowledgeCutoff }).value,
      )
      // Arrival decides nothing: any order, batches of any size, sorted as a segment is, and twice.
      const sorted = rows.toSorted((a, b) => compareText(a.key, b.key) || compareStamps(a, b))
      for (const given of [rows, rows.toReversed(), sorted, [...sorted, ...rows]]) {
        expect(joinRows(given, labels, { isKnowledgeCutoff })).toEqual(expected)
        expect(joinRows(given, labels, { isKnowledgeCutoff, batchSize: 100 })).toEqual(expected)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('the join equals ASOF JOIN of DuckDB over the S6 winners', async () => {
  const duckdb = await openDuckdb()
  await duckdb.run('CREATE TABLE r (key TEXT, e INT, c INT, st INT, so TEXT, si INT, value INT)')
  await duckdb.run('CREATE TABLE l (n INT, key TEXT, t INT)')
  await fc.assert(
    fc.asyncProperty(arbitraryRows, arbitraryLabels, async (rows, labels) => {
      await duckdb.run('DELETE FROM r; DELETE FROM l')
      const values = rows.map(
        (row) =>
          `('${row.key}',${row.eventTime},${row.createdTime},${row.sequenceTime},'${row.sequenceOrigin}',${row.sequenceIndex},${row.value})`,
      )
      if (rows.length > 0) await duckdb.run(`INSERT INTO r VALUES ${values}`)
      if (labels.length > 0) {
        await duckdb.run(
          `INSERT INTO l VALUES ${labels.map(({ key, time }, at) => `(${at},'${key}',${time})`)}`,
        )
      }
      const reader = await duckdb.runAndReadAll(`
        WITH w AS (SELECT * FROM r QUALIFY row_number() OVER (PARTITION BY key, e ORDER BY c DESC, st DESC, so DESC, si DESC) = 1)
        SELECT w.value FROM l ASOF LEFT JOIN w ON l.key = w.key AND l.t >= w.e ORDER BY l.n`)
      const expected = reader.getRows().map(([value]) => (value === null ? null : BigInt(value as number)))
      expect(joinRows(rows, labels)).toEqual(expected)
    }),
    { numRuns: 100 },
  )
})
