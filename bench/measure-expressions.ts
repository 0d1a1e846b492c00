/**
 * Rows/s through a view of ten expressions, against closures written by hand that mean the same (the baseline), and
 * against the nearest equivalent in CEL by `@marcbachmann/cel-js`. `node bench/measure-expressions.ts` prints it alone.
 */
import { Environment } from '@marcbachmann/cel-js'
import { transformRow } from '../src/core/transform.ts'
import type { Value } from '../src/core/value.ts'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { viewTransform } from '../src/definitions/view-transform.ts'
import { parseDefinitions } from '../src/registry/plan-changes.ts'
import type { Comparison } from './comparison.ts'
import { createRandom, randomInt } from './random.ts'

const COLUMNS = [
  ['at', 'timestamp'],
  ['user', 'string'],
  ['price', 'float64'],
  ['list_price', 'float64'],
  ['discount', 'float64'],
  ['quantity', 'int64'],
  ['stock', 'int64'],
  ['country', 'string'],
  ['title', 'string'],
] as const

/** What each feature is as SQL, as a closure over the row, and in CEL, which has neither nulls in arithmetic nor `ln`. */
const FEATURES: readonly {
  readonly name: string
  readonly type: 'float64' | 'int64' | 'string' | 'bool'
  readonly sql: string
  readonly byHand: (row: readonly Value[]) => Value
  readonly cel: string
}[] = [
  {
    name: 'revenue',
    type: 'float64',
    sql: 'price * quantity',
    byHand: ([, , price, , , quantity]) =>
      price === null || quantity === null ? null : (price as number) * Number(quantity as bigint),
    cel: 'price * double(quantity)',
  },
  {
    name: 'paid',
    type: 'float64',
    sql: 'price * (1 - coalesce(discount, 0))',
    byHand: ([, , price, , discount]) =>
      price === null ? null : (price as number) * (1 - ((discount as number | null) ?? 0)),
    cel: 'price * (1.0 - (discount == null ? 0.0 : double(discount)))',
  },
  {
    name: 'next_stock',
    type: 'int64',
    sql: 'stock - quantity',
    byHand: ([, , , , , quantity, stock]) => {
      if (stock === null || quantity === null) return null
      const difference = (stock as bigint) - (quantity as bigint)
      if (BigInt.asIntN(64, difference) !== difference) throw new RangeError('overflow')
      return difference
    },
    cel: 'stock - quantity',
  },
  {
    name: 'band',
    type: 'string',
    sql: "case when price > 100 then 'high' when price > 20 then 'middle' else 'low' end",
    byHand: ([, , price]) => {
      if (price === null) return 'low'
      return (price as number) > 100 ? 'high' : (price as number) > 20 ? 'middle' : 'low'
    },
    cel: "price > 100.0 ? 'high' : price > 20.0 ? 'middle' : 'low'",
  },
  {
    name: 'is_near',
    type: 'bool',
    sql: "country in ('DE', 'AT', 'CH')",
    byHand: ([, , , , , , , country]) =>
      country === null ? null : country === 'DE' || country === 'AT' || country === 'CH',
    cel: "country in ['DE', 'AT', 'CH']",
  },
  {
    name: 'is_bargain',
    type: 'bool',
    sql: 'price < list_price and quantity > 1',
    byHand: ([, , price, listPrice, , quantity]) => {
      const isCheap = price === null || listPrice === null ? null : (price as number) < (listPrice as number)
      if (isCheap === false) return false
      const isMany = quantity === null ? null : (quantity as bigint) > 1n
      if (isMany === false) return false
      return isCheap === null || isMany === null ? null : true
    },
    cel: 'price < list_price && quantity > 1',
  },
  {
    name: 'saved',
    type: 'float64',
    sql: 'greatest(list_price - price, 0)',
    byHand: ([, , price, listPrice]) => {
      const saved = price === null || listPrice === null ? null : (listPrice as number) - (price as number)
      return saved === null || saved < 0 ? 0 : saved
    },
    cel: 'list_price > price ? list_price - price : 0.0',
  },
  {
    name: 'title_length',
    type: 'int64',
    sql: 'length(title)',
    byHand: ([, , , , , , , , title]) => {
      if (title === null) return null
      let length = 0
      for (const _ of title as string) length++
      return BigInt(length)
    },
    cel: 'size(title)',
  },
  {
    name: 'share',
    type: 'float64',
    sql: 'price / nullif(list_price, 0)',
    byHand: ([, , price, listPrice]) =>
      price === null || listPrice === null || listPrice === 0
        ? null
        : (price as number) / (listPrice as number),
    cel: 'list_price == 0.0 ? 0.0 : price / list_price',
  },
  {
    name: 'log_price',
    type: 'float64',
    sql: 'ln(price + 1)',
    byHand: ([, , price]) => {
      if (price === null) return null
      const given = (price as number) + 1
      if (given <= 0) throw new RangeError('no logarithm')
      return Math.log(given)
    },
    cel: 'ln(price + 1.0)',
  },
]

export interface ExpressionOptions {
  readonly rowCount: number
  /** The best of these counts. */
  readonly passes: number
}

export function measureExpressions({ rowCount, passes }: ExpressionOptions): Comparison {
  const rows = makeRows(rowCount)
  const ours = compileView()
  const byHand = (row: readonly Value[]) => ({
    key: JSON.stringify(row[1]),
    features: FEATURES.map((feature) => feature.byHand(row)),
  })
  for (const row of rows.slice(0, 1_000)) expectSame(ours(row)!.features, byHand(row).features)
  const cel = compileCel()
  const contexts = rows.map((row) => Object.fromEntries(COLUMNS.map(([name], at) => [name, row[at]])))
  const rates = { ours: 0, byHand: 0, cel: 0 }
  // In turns, so that what else the machine does falls on each.
  for (let pass = 0; pass < passes; pass++) {
    rates.ours = Math.max(rates.ours, rowsPerSecond(rows, ours))
    rates.byHand = Math.max(rates.byHand, rowsPerSecond(rows, byHand))
    rates.cel = Math.max(rates.cel, rowsPerSecond(contexts, cel))
  }
  return {
    name: 'expressions',
    ours: rates.ours,
    baseline: rates.byHand,
    unit: 'rows/s',
    facts: { cel_rows_per_second: rates.cel },
  }
}

function rowsPerSecond<T>(rows: readonly T[], transform: (row: T) => unknown): number {
  const startMs = performance.now()
  let made = 0
  for (const row of rows) if (transform(row) !== undefined) made++
  if (made !== rows.length) throw new Error('a row was left out')
  return (rows.length * 1_000) / (performance.now() - startMs)
}

/** The whole of what a view does with a row: its key, and its ten features. */
function compileView() {
  const set = parseDefinitions({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }] }],
    sources: [{ name: 'sales', event_time: 'at', schema: COLUMNS.map(([name, type]) => ({ name, type })) }],
    feature_views: [
      {
        name: 'sale',
        entity: 'user',
        source: 'sales',
        features: FEATURES.map(({ name, type, sql }) => ({ name, type, sql })),
      },
    ],
  })
  const snapshot = compileDefinitions(set, { generation: 1, versions: { sale: 1 }, blockBits: {} })
  const transform = viewTransform(snapshot, snapshot.views['sale@1']!)
  return (row: readonly Value[]) => transformRow(transform, row)
}

function compileCel() {
  const types = { float64: 'double', int64: 'int', string: 'string', timestamp: 'int' } as const
  const environment = new Environment().registerFunction('ln(double): double', (given: number) =>
    Math.log(given),
  )
  for (const [name, type] of COLUMNS) {
    environment.registerVariable(name, name === 'discount' ? 'dyn' : types[type])
  }
  const expressions = FEATURES.map((feature) => environment.parse(feature.cel))
  return (context: Readonly<Record<string, unknown>>) => ({
    key: JSON.stringify(context.user),
    features: expressions.map((expression) => expression(context)),
  })
}

/** Without nulls but for the discount: CEL refuses them in arithmetic. */
function makeRows(count: number): Value[][] {
  const random = createRandom(11)
  const countries = ['DE', 'AT', 'CH', 'FR', 'US', 'JP']
  return Array.from({ length: count }, () => {
    const listPrice = Math.round(Math.exp(random() * 6) * 100) / 100
    return [
      1_767_225_600_000_000 + randomInt(random, 1_000_000_000),
      `user-${randomInt(random, 100_000)}`,
      Math.round(listPrice * (0.7 + random() * 0.4) * 100) / 100,
      listPrice,
      random() < 0.5 ? null : Math.round(random() * 30) / 100,
      BigInt(randomInt(random, 5)),
      BigInt(randomInt(random, 10_000)),
      countries[randomInt(random, countries.length)]!,
      `A thing of ${randomInt(random, 1_000)} parts`,
    ]
  })
}

function expectSame(ours: readonly Value[], byHand: readonly Value[]): void {
  for (const [at, value] of ours.entries()) {
    if (!Object.is(value, byHand[at]))
      throw new Error(`"${FEATURES[at]!.sql}" is ${value} and ${byHand[at]} by hand`)
  }
}

if (import.meta.main) {
  const { ours, baseline, facts } = measureExpressions({ rowCount: 200_000, passes: 10 })
  const rates = { ours, 'by hand': baseline, cel: facts!.cel_rows_per_second! }
  for (const [name, rate] of Object.entries(rates)) {
    process.stdout.write(
      `${name.padEnd(8)} ${Math.round(rate).toLocaleString('en')} rows/s, ${(rate / baseline).toFixed(2)} of by hand\n`,
    )
  }
}
