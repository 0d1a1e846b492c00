import { expect, it } from 'vitest'
import { FeatureStoreError } from '../../src/core/error.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Value, ValueType } from '../../src/core/value.ts'
import {
  callWorker,
  type RowGroup,
  transformReturned,
  type ViewWithWorker,
} from '../../src/core/worker-transform.ts'

type Row = Readonly<Record<string, unknown>>

/** A view over `user` and `n` that leaves out rows with n < 0 and takes one field of the given type from its Worker. */
function viewReturning(type: ValueType): ViewWithWorker {
  return {
    name: 'doubled',
    where: (values) => Number(values[1]) >= 0,
    keys: [(values) => values[0]!],
    keyTypes: ['string'],
    features: [{ type, evaluate: (values) => values[2]! }],
    plain: null,
    worker: {
      service: 'DOUBLE',
      method: 'double',
      given: [
        { name: 'user', type: 'string' },
        { name: 'n', type: 'int64' },
      ],
      returns: [{ name: 'd', type }],
    },
  }
}

const group = (...rows: [user: string | null, n: number][]): RowGroup => ({
  rows: rows.map(([user, n]) => [user, BigInt(n)]),
  chars: 10 * rows.length,
})
const double = (rows: readonly Row[]) => rows.map(({ n }) => ({ d: Number(n) * 2 }))

/** Calls the view's Worker, and answers with what came of it how many rows each call was given. */
async function run(
  groups: readonly RowGroup[],
  method: (rows: readonly Row[]) => unknown,
  { type = 'int64', callsLeft = 30 }: { readonly type?: ValueType; readonly callsLeft?: number } = {},
) {
  const calls: number[] = []
  const call = async (_worker: unknown, rows: readonly Row[]) => {
    calls.push(rows.length)
    return method(rows)
  }
  const returned = await callWorker(viewReturning(type), groups, { call, budget: { callsLeft } })
  return { calls, returned }
}

/** What a Worker's single answer for a row comes to. */
async function takenAs(type: ValueType, answer: unknown): Promise<Value | string | undefined> {
  const { returned } = await run([group(['a', 1])], () => [answer], { type })
  const [rows] = returned
  if (rows instanceof FeatureStoreError) return `call: ${rows.message}`
  try {
    return transformReturned(viewReturning(type), ['a', 1n], rows![0])?.features[0]
  } catch (error) {
    return (error as Error).message
  }
}

it('rows of many groups go in one call, and each group has its own back', async () => {
  const { calls, returned } = await run([group(['a', 1], ['b', 2]), group(), group(['c', 3])], double)
  expect(calls).toEqual([3])
  expect(returned).toEqual([[[2n], [4n]], [], [[6n]]])
})

it('a row that the view leaves out or cannot file is not sent', async () => {
  const { calls, returned } = await run([group(['a', -1], [null, 1], ['b', 2])], double)
  expect(calls).toEqual([1])
  expect(returned).toEqual([[undefined, undefined, [4n]]])
})

it('a call holds no more rows and characters than its limits', async () => {
  const rows = Array.from({ length: LIMITS.transformRowsMax }, (_, n): [string, number] => ['a', n])
  expect((await run([group(...rows), group(['b', 1]), group(['c', 1])], double)).calls).toEqual([
    rows.length,
    2,
  ])
  const large = { ...group(['a', 1]), chars: LIMITS.transformCharsMax }
  expect((await run([large, large, group(['b', 1])], double)).calls).toEqual([1, 1, 1])
})

it('a group at which the Worker throws spoils no other', async () => {
  const groups = Array.from({ length: 9 }, (_, n) => group([`u${n}`, n]))
  const { returned } = await run(groups, (rows) => {
    if (rows.some(({ n }) => n === 2n || n === 7n)) throw new Error('no such number')
    return double(rows)
  })
  const failed = returned.flatMap((rows, at) =>
    rows instanceof FeatureStoreError ? [[at, rows.message]] : [],
  )
  expect(failed).toEqual([
    [2, 'no such number'],
    [7, 'no such number'],
  ])
  expect(returned[3]).toEqual([[6n]])
})

it('a Worker that does not answer is not asked again', async () => {
  const groups = [group(['a', 1]), { ...group(['b', 1]), chars: LIMITS.transformCharsMax }]
  const { calls, returned } = await run(groups, () => {
    throw new FeatureStoreError('unavailable', 'no answer')
  })
  expect(calls).toEqual([1])
  expect(returned.map((rows) => (rows as FeatureStoreError).message)).toEqual(['no answer', 'no answer'])
})

it('groups for which no call is left come again', async () => {
  const large = { ...group(['a', 1]), chars: LIMITS.transformCharsMax }
  const { calls, returned } = await run([large, large, large], double, { callsLeft: 2 })
  expect(calls).toHaveLength(2)
  expect(returned.map((rows) => rows instanceof FeatureStoreError)).toEqual([false, false, true])
})

it.each<[ValueType, unknown, Value]>([
  ['int64', 7, 7n],
  ['int64', 9223372036854775807n, 9223372036854775807n],
  ['float64', Number.NaN, Number.NaN],
  ['bytes', new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ['timestamp', '2026-01-01T00:00:00.000001Z', Date.UTC(2026, 0, 1) * 1_000 + 1],
  ['list<float64>', [1, null, Number.POSITIVE_INFINITY], [1, null, Number.POSITIVE_INFINITY]],
  ['string', null, null],
  ['string', undefined, null],
])('a returned %s %o is taken', async (type, given, value) => {
  expect(await takenAs(type, { d: given })).toEqual(value)
})

it.each<[ValueType, unknown, RegExp]>([
  ['int64', { d: 1.5 }, /^Field "d": Cannot read 1.5 as int64$/],
  ['int64', { d: 9223372036854775808n }, /^Field "d": Cannot read 9223372036854775808 as int64$/],
  ['string', { d: 7 }, /^Field "d": Cannot read 7 as string$/],
  ['timestamp', { d: 7 }, /^Field "d": Cannot read 7 as timestamp/],
  ['int64', { d: 1, e: 2 }, /^Field "e": the view has no feature of that name/],
  ['int64', 'row', /^It returns no object for the row$/],
  ['int64', new Error('no such user'), /^no such user$/],
])('a returned %s row of %o fails by itself, with the reason (S26)', async (type, row, reason) => {
  expect(await takenAs(type, row)).toMatch(reason)
})

it.each([
  [undefined, /returns no list/],
  [[{ d: 1 }, { d: 2 }], /returns 2 rows for 1/],
])('a call that returns %o fails as a whole', async (answer, reason) => {
  const { returned } = await run([group(['a', 1])], () => answer)
  expect((returned[0] as FeatureStoreError).message).toMatch(reason)
})

it('a row that the Worker leaves out is in no view', async () => {
  expect(await takenAs('int64', null)).toBeUndefined()
})
