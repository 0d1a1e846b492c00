import { afterAll, beforeAll, expect, it } from 'vitest'
import { manyViews } from '../../bench/many-views.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { type Harness, startHarness, until } from './harness.ts'

const READABLE_MS = 180_000

interface Applied {
  readonly generation: number
  readonly changes: readonly { readonly object: string; readonly action: string }[]
}

/** More than a row of D1 holds, as definitions and compiled. */
const SET: DefinitionSetInput = manyViews(480, 50)
/** The service that reads view 10, which is computed from source 10 for entity 0. */
const SERVICE = '/v1/feature-services/service_1/features?key_0=ann'

/** The same set, in which one view's first feature is another. */
function changed(sql: string): DefinitionSetInput {
  const views = SET.feature_views!.map((view) =>
    view.name === 'view_10'
      ? { ...view, features: view.features!.map((one, at) => (at === 0 ? { ...one, sql } : one)) }
      : view,
  )
  return { ...SET, feature_views: views }
}

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.close())

const apply = (body: object) =>
  harness.call<Applied>('POST', '/v1/definitions/apply', { allow_breaking: true, ...body })

async function push(amount: number) {
  const event = { at: new Date().toISOString(), key_0: 'ann', amount, count_0: 1 }
  const { status } = await harness.call('POST', '/v1/sources/source_10/events', { events: [event] })
  expect(status).toBe(202)
}

/** Reads until the first feature is what it should be; answers it with its generation. */
async function readFirst(expected: number) {
  const read = () => harness.call<{ features: Record<string, number> }>('GET', SERVICE)
  const { json, headers } = await until(read, (one) => one.json.features?.feature_0 === expected, READABLE_MS)
  expect(Object.keys(json.features)).toHaveLength(50)
  return Number(headers.get('x-generation'))
}

it('a set of definitions beyond the row of D1 is applied, served, changed by one view, and applied again as it was', async () => {
  expect(JSON.stringify(SET).length).toBeGreaterThan(2_000_000)
  const first = await apply({ definitions: SET })
  expect(first.status, first.text.slice(0, 500)).toBe(200)
  expect(first.json.changes).toHaveLength(10 + 100 + 480 + 48)
  await push(3)
  // coalesce(amount, 0) * 10 + count_0
  expect(await readFirst(31)).toBe(first.json.generation)

  const planned = await harness.call<Applied>('POST', '/v1/definitions/plan', {
    definitions: changed('amount * 100'),
  })
  const second = await apply({ definitions: changed('amount * 100') })
  expect(second.json.changes).toEqual(planned.json.changes)
  expect(second.json.changes.map(({ object }) => object)).toEqual(['feature_view/view_10'])
  expect(second.json.generation).toBeGreaterThan(first.json.generation)
  await push(4)
  expect(await readFirst(400)).toBeGreaterThan(second.json.generation - 1)

  const stored = await harness.call<{ definitions: DefinitionSetInput }>('GET', '/v1/definitions')
  expect(stored.json.definitions.feature_views).toHaveLength(480)
  expect(stored.json.definitions.feature_views![10]!.features![0]!.sql).toBe('amount * 100')

  const again = await apply({ generation: first.json.generation })
  expect(again.json.changes.map(({ object }) => object)).toEqual(['feature_view/view_10'])
  await push(5)
  await readFirst(51)
  const none = await apply({ definitions: SET })
  expect(none.json.changes).toEqual([])
})

it('a service that there is none of is refused by name, and the nearest is named (S34)', async () => {
  const { status, text } = await harness.call('GET', '/v1/feature-services/servise_7/features?key_0=ann')
  expect(status).toBe(404)
  expect(text).toContain('did you mean \\"service_7\\"')
})

it('KV and D1 hold the set in pieces, each well within what they take', async () => {
  const { ONLINE, DB } = harness.env
  const { keys } = await ONLINE.list({ prefix: 'definitions/' })
  expect(keys.length).toBeGreaterThan(8)
  for (const { name } of keys) expect((await ONLINE.get(name))!.length).toBeLessThan(1_000_000)
  const longest = await DB.prepare('SELECT max(length(content)) AS length FROM definition_pieces').first<{
    length: number
  }>()
  expect(longest!.length).toBeLessThan(1_500_001)
  const heads = await DB.prepare(
    'SELECT max(length(definitions)) AS index_length, max(length(versions)) AS versions_length FROM generations',
  ).first<Record<string, number>>()
  for (const length of Object.values(heads!)) expect(length).toBeLessThan(500_000)
})
