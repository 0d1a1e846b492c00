import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { finishJoin, offerRow, prepareJoin } from '../../src/core/join.ts'
import type { Stamp } from '../../src/core/row.ts'
import { oracleValue } from '../oracles/latest-row.ts'

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

function joinRows(
  rows: readonly Row[],
  labels: readonly { key: string; time: number }[],
  isKnowledgeCutoff = false,
) {
  const join = prepareJoin(
    labels.map(({ key }) => key),
    labels.map(({ time }) => time),
  )
  rows.forEach((row, handle) => {
    const slots = join.rangeByKey.get(row.key)
    const available = isKnowledgeCutoff ? Math.max(row.eventTime, row.createdTime) : row.eventTime
    if (slots !== undefined) offerRow(join, slots, { ...row, available, handle })
  })
  const shown = finishJoin(join)
  return labels.map((_, label) => {
    const slot = shown[join.slotByLabel[label]!]!
    return slot < 0 ? null : rows[join.winner[slot]!]!.value
  })
}

test('the join keeps every label in order and gives each what the plain oracle gives (S2, S5, S6, S21)', () => {
  fc.assert(
    fc.property(arbitraryRows, arbitraryLabels, fc.boolean(), (rows, labels, isKnowledgeCutoff) => {
      const expected = labels.map(
        ({ key, time }) => oracleValue(rows, key, time, { ttlUs: null, isKnowledgeCutoff }).value,
      )
      expect(joinRows(rows, labels, isKnowledgeCutoff)).toEqual(expected)
      // Arrival decides nothing: any order, and twice.
      expect(joinRows(rows.toReversed(), labels, isKnowledgeCutoff).map((value) => value)).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('the join equals ASOF JOIN of DuckDB over the S6 winners', async () => {
  const duckdb = await (await DuckDBInstance.create()).connect()
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
