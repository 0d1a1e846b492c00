import { beforeAll, expect, test } from 'vitest'
import flights from '../../examples/flights/definitions.ts'
import { createApp } from '../../src/http/app.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const platform = memoryPlatform(1_767_225_600_000_000)
const app = createApp(() => ({ platform, adminToken: 'test' }))
beforeAll(() => applyClicks(platform, flights))

async function get(path: string) {
  const headers = { authorization: 'Bearer test' }
  const response = await app.fetch(new Request(`http://store/v1${path}`, { headers }), {})
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

test('GET /search answers what was found, where, and in which generation', async () => {
  const { status, json } = await get('/search?q=arrival&kind=feature_view')
  expect(status).toBe(200)
  expect(json).toEqual({
    generation: 1,
    total: 1,
    results: [
      {
        kind: 'feature_view',
        name: 'last_arrival',
        view: null,
        type: null,
        description: 'The newest flight that was bound for an airport',
        owner: '',
        tags: {},
        matched: ['name'],
      },
    ],
  })
})

test('GET of a collection lists its definitions with what they serve and how much is made of them', async () => {
  const { json } = await get('/feature-views')
  expect(json).toMatchObject({
    generation: 1,
    feature_views: [
      { kind: 'feature_view', name: 'last_departure', version: 1, feature_count: 3, used_by_count: 1 },
      { name: 'last_arrival' },
      { name: 'departures', feature_count: 6, used_by_count: 2 },
    ],
  })
})

test('GET of a collection comes a page at a time, each leading on to the next', async () => {
  const names: unknown[] = []
  let cursor = ''
  for (;;) {
    const { json } = await get(`/feature-views?limit=1${cursor}`)
    const [view, ...others] = json.feature_views as { readonly name: string }[]
    expect(others).toEqual([])
    names.push(view!.name)
    if (json.next === undefined) break
    cursor = `&cursor=${json.next}`
  }
  expect(names).toEqual(flights.feature_views!.map(({ name }) => name))
  expect((await get(`/feature-views?cursor=${names.at(-1)}`)).json).toEqual({
    generation: 1,
    feature_views: [],
  })
})

test('GET of a feature view shows definition, features, version and what it takes part in', async () => {
  const { json } = await get('/feature-views/departures')
  expect(json).toMatchObject({
    generation: 1,
    kind: 'feature_view',
    name: 'departures',
    version: 1,
    definition: { where: 'delay is not null' },
    uses: [
      { kind: 'source', name: 'flights' },
      { kind: 'entity', name: 'airport' },
    ],
    used_by: [
      { kind: 'on_demand_view', name: 'trip' },
      { kind: 'feature_service', name: 'delay_predictor' },
    ],
  })
  expect(json.features).toContainEqual({
    name: 'mean_delay_7d',
    type: 'float64',
    sql: 'delay',
    description: '',
    function: 'mean',
    window: '7d',
  })
})

test('GET of a feature service shows what requests bring and where each feature comes from', async () => {
  const { json } = await get('/feature-services/delay_predictor')
  expect(json.inputs).toEqual([
    { name: 'origin', type: 'string' },
    { name: 'destination', type: 'string' },
    { name: 'miles', type: 'int64' },
  ])
  expect(json.features).toContainEqual(
    expect.objectContaining({ name: 'origin_last_delay', view: 'last_departure', feature: 'delay' }),
  )
})

test.each(['/entities/airport', '/sources/flights', '/on-demand-views/trip'])(
  'GET %s answers',
  async (path) => {
    const { status, json } = await get(path)
    expect(status).toBe(200)
    expect(json.name).toBe(path.split('/')[2])
  },
)

test('GET /lineage answers nodes and steps both ways', async () => {
  const { json } = await get('/lineage/feature_service/delay_predictor')
  expect(json).toMatchObject({
    generation: 1,
    kind: 'feature_service',
    name: 'delay_predictor',
    downstream: [],
  })
  expect(json.upstream).toContain('source/flights')
})

test.each([
  ['/search', 400, 'Cannot read parameter "q"'],
  ['/search?q=a&colour=red', 400, 'Cannot take parameter "colour"'],
  ['/search?q=a&kind=table', 400, 'Cannot read parameter "kind"'],
  ['/search?q=a&type=int', 400, 'Cannot read parameter "type"'],
  ['/search?q=a&limit=0', 400, 'Cannot read parameter "limit"'],
  [`/search?q=${'a'.repeat(201)}`, 400, 'Cannot read parameter "q"'],
  ['/lineage/table/flights', 400, 'Cannot trace "table"'],
  [
    '/lineage/source/flight',
    404,
    'Cannot find source "flight": there is none of that name (did you mean "flights"?)',
  ],
  ['/lineage/source/flights?depth=2', 400, 'Cannot take parameter "depth"'],
  ['/feature-views/constructor', 404, 'Cannot find feature view "constructor"'],
  ['/feature-services/delay_predicter', 404, 'did you mean "delay_predictor"?'],
  ['/entities?q=a', 400, 'Cannot take parameter "q"'],
  ['/search', 400, 'Cannot read parameter "q": it is not given, a value is needed'],
  [`/search?q=${'a'.repeat(201)}`, 400, `"${'a'.repeat(64)}" is given, at most 200 characters are taken`],
  ['/search?q=a&kind=table', 400, '"table" is given, one of entity, source, feature_view, '],
  [
    '/search?q=a&kind=training_dataset',
    400,
    '"training_dataset" is given, one of entity, source, feature_view, on_demand_view, feature_service, feature is needed',
  ],
  ['/sources?cursor=none', 400, 'Cannot read parameter "cursor": it is none of this route'],
  ['/sources?limit=1001', 400, 'a whole number from 1 to 1000 is needed'],
])('GET %s is refused', async (path, status, message) => {
  const answer = await get(path)
  expect(answer.status).toBe(status)
  expect((answer.json.error as { message: string }).message).toContain(message)
})
