import { expect, test } from 'vitest'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { applyChanges, planApply } from '../../src/registry/apply-changes.ts'
import { parseDefinitions, planChanges } from '../../src/registry/plan-changes.ts'
import { CLICKS } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const [CLICKS_SOURCE] = CLICKS.sources!
const [LAST_CLICK, LAST_SALE] = CLICKS.feature_views!
const [RANKER] = CLICKS.feature_services!

function plan(after: DefinitionSetInput, before: DefinitionSetInput = CLICKS) {
  const definitions = parseDefinitions(before)
  const none = { definitions: parseDefinitions({}), versions: {}, versionsEver: {} }
  const { versions } = planChanges(none, definitions)
  const versionsEver = Object.fromEntries(
    Object.entries(versions).map(([name, { version }]) => [name, version]),
  )
  const { changes } = planChanges({ definitions, versions, versionsEver }, parseDefinitions(after))
  return changes.map(({ object, impact, consequences }) => ({ object, impact, consequences }))
}

function withSource(change: object, before = CLICKS): DefinitionSetInput {
  return { ...before, sources: [{ ...CLICKS_SOURCE!, ...change }] }
}

test.each([
  ['a description', { description: 'x' }],
  ['an owner', { owner: 'x' }],
  ['tags', { tags: { a: 'b' } }],
  ['freshness', { freshness: '1h' }],
])('plan: %s of a view is metadata only, and breaks nothing (S32)', (_what, change) => {
  expect(plan({ ...CLICKS, feature_views: [{ ...LAST_CLICK!, ...change }, LAST_SALE!] })).toEqual([
    { object: 'feature_view/last_click', impact: 'metadata', consequences: [] },
  ])
})

test('plan: a column that may be null is additive: old rows read null (S32)', () => {
  const schema = [...CLICKS_SOURCE!.schema, { name: 'note', type: 'string' as const }]
  expect(plan(withSource({ schema }))).toContainEqual({
    object: 'source/clicks',
    impact: 'additive',
    consequences: ['in rows taken in before, column "note" is null'],
  })
})

test('plan: a column that is needed, gone or of another type is destructive, and says what is rejected', () => {
  const needed = [...CLICKS_SOURCE!.schema, { name: 'note', type: 'string' as const, required: true }]
  expect(plan(withSource({ schema: needed }))[0]).toMatchObject({
    impact: 'destructive',
    consequences: ['rows without column "note" are rejected from now on'],
  })
  const before = withSource({ schema: needed })
  expect(plan(CLICKS, before)[0]).toMatchObject({
    impact: 'destructive',
    consequences: ['rows that bring column "note" are rejected from now on'],
  })
  const retyped = CLICKS_SOURCE!.schema.map((column) =>
    column.name === 'made' ? { ...column, unit: 'ms' as const } : column,
  )
  expect(plan(withSource({ schema: retyped }))[0]).toMatchObject({
    impact: 'destructive',
    consequences: ['rows have to bring column "made" as timestamp in ms from now on, not timestamp'],
  })
})

test('plan: retyping a column is a new version of every view that uses it (S33)', () => {
  const schema = CLICKS_SOURCE!.schema.map((column) =>
    column.name === 'price' ? { ...column, type: 'float64' as const } : column,
  )
  const float = (view: NonNullable<typeof LAST_CLICK>) => ({
    ...view,
    features: [{ name: 'price', type: 'float64' as const, sql: 'price' }],
  })
  const changes = plan({
    ...withSource({ schema }),
    feature_views: [float(LAST_CLICK!), float(LAST_SALE!)],
  })
  expect(changes.filter(({ impact }) => impact === 'new_version').map(({ object }) => object)).toEqual([
    'feature_view/last_click',
    'feature_view/last_sale',
  ])
  expect(changes.at(-1)).toEqual({
    object: 'feature_service/ranker',
    impact: 'destructive',
    consequences: ['"user_price" is float64, no longer int64', '"item_price" is float64, no longer int64'],
  })
})

test('plan: a shorter ttl or retention takes answers away, a longer one gives back', () => {
  const ttl = (value: string) => ({ ...CLICKS, feature_views: [{ ...LAST_CLICK!, ttl: value }, LAST_SALE!] })
  expect(plan(ttl('10s'))[0]).toMatchObject({
    impact: 'destructive',
    consequences: ['values older than 10s are answered as expired'],
  })
  expect(plan(ttl('1000s'))[0]).toMatchObject({ impact: 'additive' })
  expect(plan(withSource({ retention: '7d' }))[0]).toMatchObject({
    impact: 'destructive',
    consequences: ['rows older than 7d count as never written, in both stores'],
  })
})

test.each([
  [
    'a feature more',
    { features: [...RANKER!.features, { view: 'last_click', prefix: 'again_' }] },
    'additive',
    ['"again_price" is answered, too'],
  ],
  [
    'a feature less',
    { features: [RANKER!.features[0]!] },
    'destructive',
    ['"item_price" is no longer answered', 'requests and labels that bring "item" are refused'],
  ],
  [
    'another order',
    { features: RANKER!.features.toReversed() },
    'destructive',
    ['features are answered in another order'],
  ],
  [
    'another key',
    { features: [{ ...RANKER!.features[0]!, join_keys: { user: 'member' } }, RANKER!.features[1]!] },
    'destructive',
    ['requests and labels that bring "user" are refused', 'requests and labels have to bring "member"'],
  ],
] as const)(
  'plan: %s of a service says what those who use it will see',
  (_what, change, impact, consequences) => {
    const service = { ...RANKER!, ...change } as NonNullable<typeof RANKER>
    expect(plan({ ...CLICKS, feature_services: [service] })).toEqual([
      { object: 'feature_service/ranker', impact, consequences },
    ])
  },
)

test('plan: a rename is a delete and a create, and a hint says so on both', () => {
  const renamed = {
    ...CLICKS,
    feature_views: [LAST_CLICK!, { ...LAST_SALE!, name: 'newest_sale' }],
    feature_services: [
      { ...RANKER!, features: [RANKER!.features[0]!, { view: 'newest_sale', prefix: 'item_' }] },
    ],
  }
  const changes = plan(renamed)
  const hint = (other: string) =>
    `but for its name it is feature_view/${other}: a rename is a delete and a create, and carries nothing over`
  expect(changes).toContainEqual({
    object: 'feature_view/last_sale',
    impact: 'destructive',
    consequences: ['it can no longer be used; what was stored stays', hint('newest_sale')],
  })
  expect(changes.find(({ object }) => object === 'feature_view/newest_sale')?.consequences).toContain(
    hint('last_sale'),
  )
})

test('plan warns of what leads nowhere', async () => {
  const platform = memoryPlatform(0)
  const set = {
    entities: [...CLICKS.entities!, { name: 'shop', join_keys: [{ name: 'shop', type: 'string' as const }] }],
    sources: [...CLICKS.sources!, { ...CLICKS_SOURCE!, name: 'views' }],
    feature_views: CLICKS.feature_views!,
    on_demand_views: [
      {
        name: 'twice',
        inputs: [{ name: 'x', type: 'int64' as const, from: 'request' as const }],
        features: [{ name: 'double', type: 'int64' as const, sql: 'x * 2' }],
      },
    ],
    feature_services: [{ ...RANKER!, features: [RANKER!.features[0]!] }],
  }
  const { warnings } = await planApply(platform, parseDefinitions(set))
  expect(warnings).toEqual([
    'entity "shop" has no feature view',
    'source "views": no feature view is computed from it',
    'feature view "last_sale" is in no feature service',
    'on-demand view "twice" is in no feature service',
  ])
})

test('plan says what filling a new version costs, by the rows there are', async () => {
  const platform = memoryPlatform(1_767_225_600_000_000)
  const definitions = parseDefinitions(CLICKS)
  await applyChanges(platform, definitions, { allowBreaking: true, author: 'test' })
  const segment = { view: 'last_click', version: 1, bucket: '0', bytes: 1, rowCount: 5_000 }
  const times = { eventTimeMin: 0, eventTimeMax: 0, ingestTimeMin: 0, ingestTimeMax: 0 }
  await platform.offline.register([{ path: 'log/last_click/v=1/bucket=0/a.parquet', ...segment, ...times }])
  const rewritten = {
    ...CLICKS,
    feature_views: [
      { ...LAST_CLICK!, features: [{ name: 'price', type: 'int64' as const, sql: 'price + 1' }] },
      LAST_SALE!,
    ],
  }
  const { fills } = await planApply(platform, parseDefinitions(rewritten))
  expect(fills).toEqual([
    { object: 'feature_view/last_click', row_count: 5_000, kv_puts_max: 1_024, dollars_max: 0.00562 },
  ])
})

const view = (name: string, sql: string, input: string) => ({
  name,
  inputs: [{ name: input, type: 'int64' as const }],
  features: [{ name, type: 'int64' as const, sql }],
})

test.each([
  [
    'a name twice',
    { ...CLICKS, entities: [...CLICKS.entities!, CLICKS.entities![0]!] },
    /entity "user" is defined twice/,
  ],
  [
    'a source that is not there',
    { ...CLICKS, sources: [] },
    /feature view "last_click": there is no source "clicks"/,
  ],
  ['a view that is not there', { ...CLICKS, feature_views: [LAST_CLICK!] }, /there is no view "last_sale"/],
  [
    'two features of one name',
    {
      ...CLICKS,
      feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }, { view: 'last_sale' }] }],
    },
    /two features are named "price", a prefix keeps them apart/,
  ],
  [
    'on-demand views that need each other',
    {
      on_demand_views: [view('one', 'two + 1', 'two'), view('two', 'one + 1', 'one')],
      feature_services: [{ name: 'both', features: [{ view: 'one' }, { view: 'two' }] }],
    },
    /on-demand view "one" needs feature "two", which no view before it gives/,
  ],
] as [string, DefinitionSetInput, RegExp][])('%s is refused by name', (_what, set, message) => {
  expect(() => parseDefinitions(set)).toThrow(message)
})

test('an apply that expects an old generation is refused and changes nothing; of two at once one wins (S32)', async () => {
  const platform = memoryPlatform(0)
  const allowed = { allowBreaking: true, author: 'test', expectedGeneration: 0 }
  const set = parseDefinitions(CLICKS)
  const outcomes = await Promise.allSettled([
    applyChanges(platform, set, allowed),
    applyChanges(platform, parseDefinitions({ ...CLICKS, feature_services: [] }), allowed),
  ])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const lost = outcomes.find((outcome) => outcome.status === 'rejected')
  expect(String(lost?.reason)).toContain('generation 0 is no longer in force, plan again on generation 1')
  await expect(applyChanges(platform, set, allowed)).rejects.toThrow('plan again on generation 1')
  expect(await platform.registry.readGeneration()).toBe(1)
})
