// DuckDB as the second oracle: what users know a function's name to mean (S20, S26).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type AggregationFunction,
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Input } from '../../../src/core/aggregate/aggregator.ts'
import type { Value, ValueType } from '../../../src/core/value.ts'
import { openDuckdb } from '../../oracles/open-duckdb.ts'

const SQL_BY_FUNCTION: Partial<Record<AggregationFunction, string>> = {
  count: 'count(x)',
  sum: 'sum(x)',
  mean: 'avg(x)',
  min: 'min(x)',
  max: 'max(x)',
  variance: 'var_samp(x)',
  stddev: 'stddev_samp(x)',
  count_distinct: 'nullif(count(distinct x), 0)',
  approx_quantile: 'list_sort(list(x))[1 + cast(floor(0.5 * (count(x) - 1)) as int)]',
}
const finite = fc
  .double({ min: -1e6, max: 1e6, noNaN: true })
  .map((value) => (Math.abs(value) < 1e-9 ? 0 : value))
const INPUTS: readonly { type: ValueType; sqlType: string; inputs: fc.Arbitrary<Input[]> }[] = [
  { type: 'float64', sqlType: 'double', inputs: fc.array(finite, { maxLength: 20 }) },
  {
    type: 'int64',
    sqlType: 'bigint',
    inputs: fc.array(fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n }), { maxLength: 20 }),
  },
  {
    type: 'string',
    sqlType: 'varchar',
    inputs: fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\uffff', '\u{1f600}'), maxLength: 3 }),
    ),
  },
]

test.each(INPUTS)(
  'functions of $type mean what DuckDB means by them (S20)',
  async ({ type, sqlType, inputs }) => {
    const connection = await openDuckdb()
    const functions = Object.keys(SQL_BY_FUNCTION) as AggregationFunction[]
    const accepted = functions.filter((name) => PROPERTIES_BY_FUNCTION[name].inputTypes.includes(type))
    const expressions = accepted.map((name) => SQL_BY_FUNCTION[name]).join(', ')
    await fc.assert(
      fc.asyncProperty(inputs, async (given) => {
        const list = given.map(toSql).join(', ')
        const sql = `select ${expressions} from (select unnest([${list}]::${sqlType}[]) as x)`
        const [row] = (await connection.runAndReadAll(sql)).getRows()
        const magnitudes = given.reduce<number>(
          (sum, input) => sum + (type === 'string' ? 0 : Number(input) ** 2),
          1,
        )
        accepted.forEach((name, at) => {
          expectSame(name, { ours: finish(name, type, given), theirs: row![at] as Value, magnitudes })
        })
      }),
      { numRuns: 60 },
    )
    connection.closeSync()
  },
)

function finish(name: AggregationFunction, type: ValueType, inputs: readonly Input[]): Value {
  const aggregator = PROPERTIES_BY_FUNCTION[name].create(type, PARAMETER_DEFAULTS)
  const order = { eventTime: 0, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: 0 }
  return aggregator.finish(
    inputs.reduce<unknown>((state, input) => aggregator.update(state, input, order), aggregator.create()),
  )
}

function expectSame(
  name: string,
  { ours, theirs, magnitudes }: { ours: Value; theirs: Value; magnitudes: number },
): void {
  if (typeof ours !== 'number') {
    expect(ours, name).toEqual(theirs)
    return
  }
  const relative = name === 'approx_quantile' ? Math.abs(Number(theirs)) * 0.0100001 : 0
  const power = name === 'stddev' ? 2 : 1
  const error = Math.abs(ours ** power - Number(theirs) ** power)
  expect(error, name).toBeLessThanOrEqual(Math.max(relative, magnitudes * 1e-12))
}

function toSql(input: Input): string {
  return typeof input === 'string' ? `'${input}'` : String(input)
}
