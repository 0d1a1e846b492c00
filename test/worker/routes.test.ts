import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type ErrorBody, type Harness, startHarness, TOKEN, until } from './harness.ts'

const FEATURES = [
  { name: 'count', type: 'int64', sql: 'count' },
  { name: 'score', type: 'float64', sql: 'score' },
  { name: 'note', type: 'string', sql: 'note' },
  { name: 'tags', type: 'list<string>', sql: 'tags' },
  { name: 'blob', type: 'bytes', sql: 'blob' },
]

const DEFINITIONS = {
  entities: [
    {
      name: 'member',
      join_keys: [
        { name: 'user', type: 'string' },
        { name: 'team', type: 'int64' },
      ],
      shards: 2,
    },
  ],
  sources: [
    {
      name: 'activity',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'team', type: 'int64' },
        { name: 'count', type: 'int64' },
        { name: 'score', type: 'float64' },
        { name: 'note', type: 'string' },
        { name: 'tags', type: 'list<string>' },
        { name: 'blob', type: 'bytes' },
      ],
      landing: { format: 'parquet' },
    },
    { name: 'unlanded', event_time: 'at', schema: [{ name: 'at', type: 'timestamp' }] },
  ],
  feature_views: [
    { name: 'last_activity', entity: 'member', source: 'activity', features: FEATURES, ttl: '7d' },
  ],
  feature_services: [{ name: 'profile', features: [{ view: 'last_activity' }] }],
}

const EVENTS = '/v1/sources/activity/events'
const FILES = '/v1/sources/activity/files'
const LOADS = '/v1/sources/activity/loads'
const DELETIONS = '/v1/entities/member/deletions'
const SERVICE = '/v1/feature-services/profile'
const READABLE_MS = 180_000

type Route = [method: string, path: string, body?: object | string]

/** Every route behind the token, with a body that it takes. */
const CLOSED_ROUTES: Route[] = [
  ['GET', '/v1/definitions'],
  ['GET', '/v1/generations'],
  ['POST', '/v1/definitions/plan', { definitions: DEFINITIONS }],
  ['POST', '/v1/definitions/apply', { definitions: DEFINITIONS }],
  ['POST', EVENTS, { events: [] }],
  ['PUT', `${FILES}/a.parquet`, 'PAR1'],
  ['POST', LOADS, {}],
  ['GET', '/v1/loads/load-1'],
  ['GET', '/v1/dead-letters'],
  ['POST', '/v1/dead-letters/replay', { all: true }],
  ['POST', DELETIONS, { keys: [{ user: 'nobody', team: 1 }], event_time: '2020-01-01T00:00:00Z' }],
  ['GET', `${SERVICE}/features?user=ann&team=1`],
  ['POST', `${SERVICE}/features`, { entities: [] }],
  ['POST', `${SERVICE}/historical-features`, { labels: [] }],
]

let harness: Harness

beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', {
    definitions: DEFINITIONS,
    expected_generation: 0,
  })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(() => harness.close())

const now = () => new Date().toISOString()

function call<T = unknown>(...given: Parameters<Harness['call']>): Promise<Answer<T>> {
  return harness.call<T>(...given)
}

function refuse(...given: Parameters<Harness['call']>): Promise<Answer<ErrorBody>> {
  return harness.call<ErrorBody>(...given)
}

/** Expects the contract's error, whole. */
function expectError(answer: Answer<ErrorBody>, status: number, code: string, message: RegExp): void {
  expect(answer.status, answer.text).toBe(status)
  expect(Object.keys(answer.json)).toEqual(['error'])
  expect(Object.keys(answer.json.error).sort()).toEqual(['code', 'details', 'message', 'request_id'])
  expect(answer.json.error.code).toBe(code)
  expect(answer.json.error.message).toMatch(message)
  expect(answer.json.error.request_id).toBe(answer.headers.get('x-request-id'))
}

interface Row {
  readonly features: Readonly<Record<string, unknown>>
  readonly statuses: Readonly<Record<string, string>>
  readonly event_times: Readonly<Record<string, string | null>>
}

/** Pushes one event of a user given as JSON members, and answers Get once it shows. */
async function pushThenGet(user: string, members: string): Promise<Answer<Row>> {
  const body = `{"events":[{"at":"${now()}","user":${JSON.stringify(user)},"team":1,${members}}]}`
  const pushed = await call<{ accepted: number; rejected: unknown[] }>('POST', EVENTS, body)
  expect(pushed.json, pushed.text).toMatchObject({ accepted: 1, rejected: [] })
  const path = `${SERVICE}/features?user=${encodeURIComponent(user)}&team=1`
  return until(
    () => call<Row>('GET', path),
    ({ json }) => json.event_times?.count !== null,
    READABLE_MS,
  )
}

describe('health', () => {
  it.each(['/healthz', '/health'])('%s answers without a token', async (path) => {
    const answer = await call('GET', path, undefined, { authorization: null })
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({ status: 'ok' })
    expect(answer.headers.get('x-request-id')).toBeTruthy()
  })
})

describe('authentication', () => {
  it.each(CLOSED_ROUTES)('%s %s refuses a request without a token (S34)', async (method, path, body) => {
    const answer = await refuse(method, path, body, { authorization: null })
    expectError(answer, 401, 'unauthenticated', /Bearer <token>/)
  })

  it.each(CLOSED_ROUTES)('%s %s refuses a wrong token (S34)', async (method, path, body) => {
    const answer = await refuse(method, path, body, { authorization: 'Bearer tess' })
    expectError(answer, 401, 'unauthenticated', /the token is not valid/)
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic dGVzdA==', TOKEN, `Bearer ${TOKEN}${TOKEN}`, `Bearer ${TOKEN}x`])(
    'authorization "%s" is refused',
    async (authorization) => {
      const answer = await refuse('GET', '/v1/definitions', undefined, { authorization })
      expectError(answer, 401, 'unauthenticated', /^Cannot authenticate: /)
    },
  )

  it('a Worker without ADMIN_TOKEN refuses everything but health, whatever is sent (S34)', async () => {
    const closed = await startHarness({ token: null })
    try {
      for (const path of ['/healthz', '/health']) expect((await closed.call('GET', path)).status).toBe(200)
      for (const [method, path, body] of CLOSED_ROUTES) {
        for (const authorization of [`Bearer ${TOKEN}`, 'Bearer ', 'Bearer undefined', null]) {
          const answer = await closed.call<ErrorBody>(method, path, body, { authorization })
          expectError(answer, 401, 'unauthenticated', /no token is configured/)
        }
      }
    } finally {
      await closed.close()
    }
  })
})

describe('every route', () => {
  it.each([
    ['GET', '/nothing'],
    ['GET', '/v1/nothing'],
    ['DELETE', '/v1/definitions'],
    ['POST', '/healthz'],
  ])('%s %s is refused as no route', async (method, path) => {
    expectError(await refuse(method, path), 404, 'not_found', /there is no such route/)
  })

  it.each(CLOSED_ROUTES)('%s %s names an unknown query parameter (S34)', async (method, path, body) => {
    const answer = await refuse(method, `${path}${path.includes('?') ? '&' : '?'}colour=red`, body)
    expectError(answer, 400, 'invalid_argument', /"colour"/)
  })

  const jsonRoutes = CLOSED_ROUTES.filter(([method, , body]) => method === 'POST' && body !== undefined)

  it.each(jsonRoutes)('%s %s refuses malformed JSON', async (method, path) => {
    expectError(await refuse(method, path, '{"a": '), 400, 'invalid_argument', /JSON/)
  })

  it.each(jsonRoutes)('%s %s names an unknown body field (S34)', async (method, path, body) => {
    const answer = await refuse(method, path, { ...(body as object), colour: 'red' })
    expectError(answer, 400, 'invalid_argument', /colour/)
  })

  it.each(jsonRoutes)('%s %s refuses a body that is no object', async (method, path) => {
    expectError(await refuse(method, path, '[1]'), 400, 'invalid_argument', /^Cannot read body/)
  })

  it.each(jsonRoutes)('%s %s refuses an oversize body', async (method, path) => {
    const answer = await refuse(method, path, ' '.repeat(5_000_001))
    expectError(answer, 413, 'limit_exceeded', /longer than 5000000 bytes/)
  })

  it('a body that is not UTF-8 is refused', async () => {
    const answer = await refuse('POST', EVENTS, new Uint8Array([0x7b, 0xff, 0x7d]))
    expectError(answer, 400, 'invalid_argument', /UTF-8/)
  })
})

describe('definitions', () => {
  it('GET /v1/definitions answers what was applied', async () => {
    const { json } = await call<{ generation: number; definitions: typeof DEFINITIONS }>(
      'GET',
      '/v1/definitions',
    )
    expect(json.generation).toBe(1)
    expect(json.definitions).toMatchObject(DEFINITIONS)
  })

  it('GET /v1/generations lists every generation', async () => {
    const { json } = await call('GET', '/v1/generations')
    const applied_at = expect.stringMatching(/^\d{4}-.*Z$/)
    expect(json).toMatchObject({ generations: [{ generation: 1, applied_at, author: 'admin' }] })
  })

  it('plan lists what apply would do and changes nothing (S32)', async () => {
    const user = { name: 'user', join_keys: [{ name: 'user', type: 'string' }] }
    const definitions = { ...DEFINITIONS, entities: [...DEFINITIONS.entities, user] }
    const { json } = await call('POST', '/v1/definitions/plan', { definitions })
    expect(json).toMatchObject({
      generation: 1,
      changes: [{ action: 'create', object: 'entity/user', breaking: false, details: [], consequences: [] }],
    })
    expect((await call('GET', '/v1/definitions')).json).toMatchObject({ generation: 1 })
  })

  it('apply of what is in force changes nothing (S32)', async () => {
    const { status, json } = await call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
    expect(status).toBe(200)
    expect(json).toMatchObject({ generation: 1, changes: [] })
  })

  it('apply of an earlier generation by its number is taken (S32)', async () => {
    const { status, json } = await call('POST', '/v1/definitions/apply', { generation: 1 })
    expect(status).toBe(200)
    expect(json).toMatchObject({ generation: 1, changes: [] })
  })

  it('apply refuses an unknown generation', async () => {
    const answer = await refuse('POST', '/v1/definitions/apply', { generation: 99 })
    expectError(answer, 404, 'not_found', /generation 99/)
  })

  it.each([0, 7])('apply refuses the stale expected_generation %i (S32)', async (expected_generation) => {
    const answer = await refuse('POST', '/v1/definitions/apply', {
      definitions: { ...DEFINITIONS, feature_services: [] },
      expected_generation,
      allow_breaking: true,
    })
    expectError(answer, 409, 'failed_precondition', /generation/)
  })

  it('apply refuses a breaking change that is not allowed, by name', async () => {
    const definitions = { ...DEFINITIONS, feature_services: [] }
    const answer = await refuse('POST', '/v1/definitions/apply', { definitions })
    expectError(answer, 409, 'failed_precondition', /feature_service\/profile.*allow_breaking/)
    expect((await call('GET', '/v1/definitions')).json).toMatchObject({ generation: 1 })
  })

  it.each([{}, { definitions: DEFINITIONS, generation: 1 }])(
    'apply wants either definitions or a generation',
    async (body) => {
      const answer = await refuse('POST', '/v1/definitions/apply', body)
      expectError(answer, 400, 'invalid_argument', /definitions or generation/)
    },
  )

  it('plan wants definitions', async () => {
    expectError(await refuse('POST', '/v1/definitions/plan', {}), 400, 'invalid_argument', /definitions/)
  })

  const [view] = DEFINITIONS.feature_views
  const [source] = DEFINITIONS.sources
  const withView = (change: object) => ({ ...DEFINITIONS, feature_views: [{ ...view, ...change }] })
  it.each(['plan', 'apply'])(
    '%s refuses to pin a version that is not kept up, by name (S33)',
    async (route) => {
      const pinned = { name: 'profile', features: [{ view: 'last_activity@7' }] }
      const definitions = { ...DEFINITIONS, feature_services: [pinned] }
      const answer = await refuse('POST', `/v1/definitions/${route}`, { definitions })
      expectError(answer, 400, 'invalid_argument', /"profile": version "last_activity@7" is not kept up/)
      expect(answer.json.error.details.problems).toHaveLength(1)
    },
  )

  const features = (sql: string) => withView({ features: [{ name: 'count', type: 'int64', sql }] })
  const expectation = (sql: string) => ({
    ...DEFINITIONS,
    sources: [
      { ...source, expectations: [{ name: 'sane', sql, on_failure: 'reject' }] },
      DEFINITIONS.sources[1],
    ],
  })
  it.each([
    ['an unknown column, with the nearest', features('cuont + 1'), /feature "count": .*"cuont".*"count"/],
    ['a clash of types, and where', features("count + 'x'"), /feature "count": .*/],
    ['a wrong number of arguments', features('round()'), /feature "count": .*round/],
    ['a result of another type', features('note'), /feature "count": .*string/],
    ['an expression too deep', features(`${'('.repeat(300)}1${')'.repeat(300)}`), /feature "count": .*250/],
    ['where that is no condition', withView({ where: 'count + 1' }), /where: .*int64/],
    ['a join key of another type', withView({ join_keys: { user: 'count' } }), /join key "user": .*int64/],
    ['an expectation that is no condition', expectation('note'), /expectation "sane": .*string/],
  ])('plan refuses %s, naming its place', async (_, definitions, named) => {
    const answer = await refuse('POST', '/v1/definitions/plan', { definitions })
    expectError(answer, 400, 'invalid_argument', /^Cannot read definitions: /)
    const problems = answer.json.error.details.problems as string[]
    expect(problems.join('\n')).toMatch(named)
  })

  it('an on-demand view that needs what its service lacks is refused, naming both', async () => {
    const twice = {
      name: 'twice',
      inputs: [{ name: 'skore', type: 'float64' }],
      features: [{ name: 'twice', type: 'float64', sql: 'skore * 2' }],
    }
    const definitions = {
      ...DEFINITIONS,
      on_demand_views: [twice],
      feature_services: [{ name: 'profile', features: [{ view: 'last_activity' }, { view: 'twice' }] }],
    }
    const named = /on-demand view "twice" needs feature "skore" .*did you mean "score"/
    for (const route of ['plan', 'apply']) {
      const answer = await refuse('POST', `/v1/definitions/${route}`, { definitions })
      expectError(answer, 400, 'invalid_argument', named)
    }
  })

  it('an unknown field deep in the definitions is named (S34)', async () => {
    const answer = await refuse('POST', '/v1/definitions/plan', { definitions: withView({ tll: '7d' }) })
    expectError(answer, 400, 'invalid_argument', /last_activity.*tll/)
  })

  it('a service whose features collide is refused at plan (S23)', async () => {
    const twice = { name: 'profile', features: [{ view: 'last_activity' }, { view: 'last_activity' }] }
    const definitions = { ...DEFINITIONS, feature_services: [twice] }
    const answer = await refuse('POST', '/v1/definitions/plan', { definitions })
    expectError(answer, 400, 'invalid_argument', /count/)
  })
})

describe('push', () => {
  const good = { user: 'p', team: 1, count: 1 }

  it('a wrong type is named by row and column and spoils no other row (S13)', async () => {
    const events = [
      { at: now(), ...good, user: 'row0' },
      { at: now(), ...good, count: 'many' },
      { at: now(), ...good, user: 7 },
      { at: 'yesterday', ...good },
      { at: now(), ...good, score: true },
      { at: now(), ...good, colour: 'red' },
      'no object',
      { at: now(), ...good, user: 'row7' },
    ]
    const { status, json } = await call<{
      push_id: string
      accepted: number
      rejected: { index: number; code: string; message: string }[]
    }>('POST', EVENTS, { events })
    expect(status).toBe(202)
    expect(json.accepted).toBe(2)
    expect(json.push_id).toBeTruthy()
    expect(json.rejected.map(({ index, code }) => [index, code])).toEqual(
      [1, 2, 3, 4, 5, 6].map((index) => [index, 'invalid_argument']),
    )
    const named = ['"count"', '"user"', '"at"', '"score"', '"colour"', 'object']
    named.forEach((name, at) => {
      expect(json.rejected[at]!.message).toContain(name)
    })
    for (const user of ['row0', 'row7']) {
      const found = await until(
        () => call<Row>('GET', `${SERVICE}/features?user=${user}&team=1`),
        ({ json }) => json.statuses.count === 'present',
        READABLE_MS,
      )
      expect(found.json.features.count).toBe(1)
    }
  })

  it('a row without a join key or an event time is rejected (S13)', async () => {
    const events = [{ at: now(), team: 1 }, { at: now(), user: null, team: 1 }, good, { at: now(), ...good }]
    const { status, json } = await call<{ accepted: number; rejected: { index: number; message: string }[] }>(
      'POST',
      EVENTS,
      { events },
    )
    expect(status).toBe(202)
    expect(json.accepted).toBe(1)
    expect(json.rejected.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(json.rejected[0]!.message).toMatch(/[Jj]oin key/)
    expect(json.rejected[2]!.message).toContain('"at"')
  })

  it('a row more than five minutes ahead of the clock is rejected by name (S4)', async () => {
    const ahead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
    const events = [
      { at: ahead(6), ...good },
      { at: ahead(4), ...good, user: 'soon' },
    ]
    const { status, json } = await call('POST', EVENTS, { events })
    expect(status).toBe(202)
    expect(json).toMatchObject({
      accepted: 1,
      rejected: [{ index: 0, message: expect.stringMatching(/"at".*ahead of the clock/) }],
    })
  })

  it('an accepted row still ahead of the clock is not served yet (S4)', async () => {
    const at = new Date(Date.now() + 240_000).toISOString()
    await call('POST', EVENTS, { events: [{ at, ...good, user: 'ahead', note: 'later' }] })
    const shown = await pushThenGet('ahead', '"note":"now"')
    expect(shown.json.features.note).toBe('now')
  })

  it('a push of nothing but bad rows is still 202', async () => {
    const { status, json } = await call('POST', EVENTS, { events: [{}] })
    expect(status).toBe(202)
    expect(json).toMatchObject({ accepted: 0, rejected: [{ index: 0 }] })
  })

  it('a push of no rows is taken', async () => {
    const { status, json } = await call('POST', EVENTS, { events: [] })
    expect(status).toBe(202)
    expect(json).toMatchObject({ accepted: 0, rejected: [] })
  })

  it('NDJSON is taken, one row a line', async () => {
    const line = (user: string) => JSON.stringify({ at: now(), ...good, user })
    const body = `${line('nd1')}\n\n${line('nd2')}\n`
    const ndjson = { 'content-type': 'application/x-ndjson' }
    const { status, json } = await call('POST', EVENTS, body, ndjson)
    expect(status).toBe(202)
    expect(json).toMatchObject({ accepted: 2, rejected: [] })
    const bad = await refuse('POST', EVENTS, `${line('nd1')}\n{`, ndjson)
    expectError(bad, 400, 'invalid_argument', /line 2/)
  })

  it('a push of too many rows is refused', async () => {
    const events = Array.from({ length: 10_001 }, () => ({}))
    expectError(await refuse('POST', EVENTS, { events }), 413, 'limit_exceeded', /10001 events/)
  })

  it('an unknown source is refused with the nearest name (S34)', async () => {
    const answer = await refuse('POST', '/v1/sources/activty/events', { events: [] })
    expectError(answer, 404, 'not_found', /"activty".*did you mean "activity"/)
  })

  it.each(['constructor', '__proto__', 'toString'])('source "%s" is unknown', async (name) => {
    const answer = await refuse('POST', `/v1/sources/${name}/events`, { events: [] })
    expectError(answer, 404, 'not_found', /there is none of that name/)
  })

  it('an Idempotency-Key longer than 255 characters is refused', async () => {
    const answer = await refuse('POST', EVENTS, { events: [] }, { 'idempotency-key': 'k'.repeat(256) })
    expectError(answer, 400, 'invalid_argument', /Idempotency-Key/)
  })
})

describe('landing files and loads', () => {
  it('PUT lands a file whose name holds folders', async () => {
    const { status, json } = await call('PUT', `${FILES}/2026/01/a%20b.parquet`, 'PAR1')
    expect(status).toBe(201)
    expect(json).toEqual({ path: 'landing/activity/2026/01/a b.parquet', bytes: 4 })
    const object = await harness.env.BUCKET.get('landing/activity/2026/01/a b.parquet')
    expect(await object!.text()).toBe('PAR1')
    await harness.env.BUCKET.delete('landing/activity/2026/01/a b.parquet')
  })

  it.each(['a%2F..%2Fb', 'a%2F.%2Fb', 'a//b', '..%2Fother%2Fa', 'a%2F'])(
    'PUT refuses the file name %s and lands nothing',
    async (name) => {
      const answer = await refuse('PUT', `${FILES}/${name}`, 'PAR1')
      expectError(answer, 400, 'invalid_argument', /^Cannot take file name/)
      expect((await harness.env.BUCKET.list({ prefix: 'landing/' })).objects).toEqual([])
    },
  )

  it('PUT refuses an empty file', async () => {
    expectError(await refuse('PUT', `${FILES}/a.parquet`, ''), 400, 'invalid_argument', /empty/)
  })

  it('PUT refuses an unknown source (S34)', async () => {
    const answer = await refuse('PUT', '/v1/sources/activiti/files/a.parquet', 'PAR1')
    expectError(answer, 404, 'not_found', /did you mean "activity"/)
  })

  it.each(['../x', '', '.', 'a/../b', 'a//b', '/a'])('a load of "%s" is refused', async (file) => {
    const answer = await refuse('POST', LOADS, { files: [file] })
    expectError(answer, 400, 'invalid_argument', /^Cannot take file name/)
  })

  it('a load of a file that has not landed is refused by name', async () => {
    const answer = await refuse('POST', LOADS, { files: ['gone.parquet'] })
    expectError(answer, 404, 'not_found', /"gone.parquet"/)
  })

  it('a load of an unknown source is refused (S34)', async () => {
    const answer = await refuse('POST', '/v1/sources/activityy/loads', {})
    expectError(answer, 404, 'not_found', /did you mean "activity"/)
  })

  it('a load of a source without landing is refused', async () => {
    const answer = await refuse('POST', '/v1/sources/unlanded/loads', {})
    expectError(answer, 409, 'failed_precondition', /"unlanded"/)
  })

  it.each([{ max_bad_rows: -1 }, { max_bad_rows: 0.5 }, { files: [] }, { files: 'a' }])(
    'the load request %j is refused',
    async (body) => {
      expectError(await refuse('POST', LOADS, body), 400, 'invalid_argument', /max_bad_rows|files/)
    },
  )

  it.each([undefined, {}])('a load without files or body (%j) starts what has landed', async (body) => {
    const { status, json } = await call('POST', LOADS, body)
    expect(status).toBe(202)
    expect(json).toEqual({ loads: [] })
  })

  it('an unknown load is refused', async () => {
    expectError(await refuse('GET', '/v1/loads/load-x'), 404, 'not_found', /"load-x"/)
  })
})

describe('deletions', () => {
  const event_time = '2020-01-01T00:00:00Z'
  const key = { user: 'deleted', team: 1 }
  const good = { keys: [key], event_time }

  it('answers 202 with an id and how many keys were taken', async () => {
    const { status, json } = await call('POST', DELETIONS, { ...good, keys: [key, { ...key, team: '2' }] })
    expect(status).toBe(202)
    expect(json).toEqual({ deletion_id: expect.stringMatching(/^[0-9a-z]{26}$/), accepted: 2 })
  })

  it('takes names of views of the entity', async () => {
    const { status, json } = await call('POST', DELETIONS, { ...good, views: ['last_activity'] })
    expect([status, json]).toMatchObject([202, { accepted: 1 }])
  })

  it('an unknown entity is refused with the nearest name (S34)', async () => {
    const answer = await refuse('POST', '/v1/entities/membr/deletions', good)
    expectError(answer, 404, 'not_found', /entity "membr".*did you mean "member"/)
  })

  it.each(['constructor', '__proto__', 'toString'])('entity "%s" is unknown', async (name) => {
    const answer = await refuse('POST', `/v1/entities/${name}/deletions`, good)
    expectError(answer, 404, 'not_found', /there is none of that name/)
  })

  it.each([
    [['last_activty'], /view "last_activty": entity "member" has none.*did you mean "last_activity"/],
    [['last_activity', 'toString'], /view "toString": entity "member" has none/],
    [['last_activity@1'], /view "last_activity@1": entity "member" has none/],
    [['last_activity', 'last_activity'], /view "last_activity": it is named twice/],
  ])('the views %j are refused by name (S34)', async (views, message) => {
    expectError(await refuse('POST', DELETIONS, { ...good, views }), 400, 'invalid_argument', message)
  })

  it('every fault of malformed keys is listed by row and name, and none of them is deleted (S13)', async () => {
    const keys = [key, { user: 'a' }, { user: null, team: 'x' }, { user: 7, team: 1, tem: 1 }, {}]
    const answer = await refuse('POST', DELETIONS, { ...good, keys })
    expectError(answer, 400, 'invalid_argument', /^Cannot read key 1: "team".*details\.faults/)
    const faults = answer.json.error.details.faults as { row: number; name: string }[]
    expect(faults.map(({ row, name }) => [row, name])).toEqual([
      [1, 'team'],
      [2, 'user'],
      [2, 'team'],
      [3, 'tem'],
      [3, 'user'],
      [4, 'user'],
      [4, 'team'],
    ])
    expect(faults).toContainEqual({ row: 2, name: 'user', message: 'it is null, a value is needed' })
  })

  it.each([
    [{ event_time }, /keys: /],
    [{ ...good, keys: [] }, /keys: /],
    [{ ...good, keys: ['deleted'] }, /keys\.0: /],
    [{ keys: [key] }, /event_time: /],
    [{ ...good, event_time: 0 }, /event_time: /],
    [{ ...good, event_time: 'yesterday' }, /time "yesterday"/],
    [{ ...good, event_time: '2020-02-30T00:00:00Z' }, /no calendar has such a time/],
    [{ ...good, views: [] }, /views: /],
    [{ ...good, views: 'last_activity' }, /views: /],
    [{ ...good, views: null }, /views: /],
  ])('the body %j is refused', async (body, message) => {
    expectError(await refuse('POST', DELETIONS, body), 400, 'invalid_argument', message)
  })

  it('a deletion more than five minutes ahead of the clock is refused, one less ahead is taken (S4)', async () => {
    const ahead = (ms: number) => ({ ...good, event_time: new Date(Date.now() + ms).toISOString() })
    const answer = await refuse('POST', DELETIONS, ahead(360_000))
    expectError(answer, 400, 'invalid_argument', /more than 5 minutes ahead/)
    expect((await call('POST', DELETIONS, ahead(240_000))).status).toBe(202)
  })

  it('10,000 keys are taken, one more is refused', async () => {
    const keys = Array.from({ length: 10_001 }, (_, team) => ({ user: 'many', team }))
    const answer = await refuse('POST', DELETIONS, { ...good, keys })
    expectError(answer, 413, 'limit_exceeded', /10001 keys/)
    const { json } = await call('POST', DELETIONS, { ...good, keys: keys.slice(1) })
    expect(json).toMatchObject({ accepted: 10_000 })
  })

  it('an Idempotency-Key longer than 255 characters is refused, and an empty one', async () => {
    for (const given of ['k'.repeat(256), '']) {
      const answer = await refuse('POST', DELETIONS, good, { 'idempotency-key': given })
      expectError(answer, 400, 'invalid_argument', /Idempotency-Key/)
    }
  })

  it('a request retried with its Idempotency-Key answers the same; with another body it is refused (S9)', async () => {
    const headers = { 'idempotency-key': 'deletion' }
    const first = await call('POST', DELETIONS, good, headers)
    expect(first.status).toBe(202)
    expect((await call('POST', DELETIONS, good, headers)).json).toEqual(first.json)
    for (const body of [
      { ...good, keys: [{ ...key, team: 2 }] },
      { ...good, event_time: '2020-01-01T00:00:01Z' },
      { ...good, views: ['last_activity'] },
    ]) {
      const answer = await refuse('POST', DELETIONS, body, headers)
      expectError(answer, 409, 'failed_precondition', /Idempotency-Key.*another body/)
    }
    // The key belongs to the entity's deletions: a push may have it, too.
    expect((await call('POST', EVENTS, { events: [] }, headers)).status).toBe(202)
  })
})

describe('dead letters', () => {
  const LETTERS = '/v1/dead-letters'
  const REPLAY = `${LETTERS}/replay`
  interface Page {
    readonly dead_letters: readonly { readonly id: string }[]
    readonly next?: string
  }

  /** Messages as the dead-letter queue brings them; their ids. */
  async function keep(count: number, source: string): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, at) => `kept-${source}.${at}`)
    const statement = harness.env.DB.prepare(
      'INSERT INTO dead_letters (id, source, rows, time, reason) VALUES (?, ?, 1, ?, ?)',
    )
    await harness.env.DB.batch(ids.map((id, at) => statement.bind(id, source, 1_000_000 + (at >> 1), 'why')))
    return ids
  }

  it('a store without any lists none and replays none', async () => {
    expect((await call('GET', LETTERS)).json).toEqual({ dead_letters: [] })
    expect((await call('GET', `${LETTERS}?source=activity&status=kept`)).json).toEqual({ dead_letters: [] })
    for (const body of [{ all: true }, { source: 'activity' }]) {
      const answer = await call('POST', REPLAY, body)
      expect([answer.status, answer.json]).toEqual([202, { replayed: [], refused: [] }])
    }
  })

  it('pages go newest first and hold each letter once', async () => {
    const ids = await keep(5, 'dropped')
    const found: string[] = []
    let path = `${LETTERS}?source=dropped&limit=2`
    for (let pages = 0; pages < 3; pages++) {
      const { json } = await call<Page>('GET', path)
      found.push(...json.dead_letters.map(({ id }) => id))
      expect(json.next === undefined).toBe(pages === 2)
      path = `${LETTERS}?source=dropped&limit=2&cursor=${encodeURIComponent(json.next ?? '')}`
    }
    expect(found).toEqual([4, 3, 2, 1, 0].map((at) => ids[at]))
    const [first] = (await call<{ dead_letters: unknown[] }>('GET', `${LETTERS}?source=dropped&limit=1`)).json
      .dead_letters
    expect(first).toEqual({
      id: ids[4],
      source: 'dropped',
      rows: 1,
      time: '1970-01-01T00:00:01.000002Z',
      reason: 'why',
      attempts: 0,
      status: 'kept',
    })
  })

  it('a source that was dropped is known by its letters, whatever their status', async () => {
    await keep(1, 'gone')
    expect((await call<Page>('GET', `${LETTERS}?source=gone&status=replayed`)).json).toEqual({
      dead_letters: [],
    })
  })

  it.each([
    ['limit=0', /"limit"/],
    ['limit=1001', /"limit"/],
    ['limit=many', /"limit"/],
    ['status=lost', /"status".*kept/],
    ['cursor=', /"cursor"/],
    ['cursor=abc', /"cursor".*"next" of a page before/],
    ['limit=1&limit=2', /"limit": it is given more than once/],
    ['limits=1', /"limits".*none of that name/],
  ])('the list refuses ?%s by name (S34)', async (query, message) => {
    expectError(await refuse('GET', `${LETTERS}?${query}`), 400, 'invalid_argument', message)
  })

  it('a source that neither has letters nor is defined is refused with the nearest name (S34)', async () => {
    const message = /source "activty".*did you mean "activity"/
    expectError(await refuse('GET', `${LETTERS}?source=activty`), 404, 'not_found', message)
    expectError(await refuse('POST', REPLAY, { source: 'activty' }), 404, 'not_found', message)
  })

  it.each([
    [{}, /one of ids, source and all is needed/],
    [{ all: true, source: 'activity' }, /one of ids, source and all is needed/],
    [{ all: false }, /all: /],
    [{ ids: [] }, /ids: /],
    [{ ids: 'kept' }, /ids: /],
    [{ ids: [7] }, /ids\.0: /],
    [{ ids: Array.from({ length: 501 }, String) }, /ids: .*500/],
  ])('replay refuses %j', async (body, message) => {
    expectError(await refuse('POST', REPLAY, body), 400, 'invalid_argument', message)
  })

  it('replay refuses unknown letters one by one, and those whose body is gone', async () => {
    const [id] = await keep(1, 'bodiless')
    const answer = await call('POST', REPLAY, { ids: ['none', id] })
    expect(answer.status).toBe(202)
    expect(answer.json).toEqual({
      replayed: [],
      refused: [
        {
          id: 'none',
          code: 'not_found',
          message: 'Cannot replay dead letter "none": there is none of that id',
        },
        {
          id,
          code: 'not_found',
          message: expect.stringMatching(/^Cannot replay dead letter "kept-bodiless.0": /),
        },
      ],
    })
  })
})

describe('Get', () => {
  it('a key never written answers missing', async () => {
    const { status, json } = await call<Row>('GET', `${SERVICE}/features?user=nobody&team=1`)
    expect(status).toBe(200)
    const all = <T>(value: T) => Object.fromEntries(FEATURES.map(({ name }) => [name, value]))
    expect(json).toEqual({ features: all(null), statuses: all('missing'), event_times: all(null) })
  })

  it('an unknown service is refused with the nearest name (S34)', async () => {
    const answer = await refuse('GET', '/v1/feature-services/profil/features?user=a&team=1')
    expectError(answer, 404, 'not_found', /"profil".*did you mean "profile"/)
  })

  it('a missing join key is named (S28)', async () => {
    expectError(await refuse('GET', `${SERVICE}/features?user=a`), 400, 'invalid_argument', /"team"/)
  })

  it('a join key that does not fit its type is named (S13)', async () => {
    const answer = await refuse('GET', `${SERVICE}/features?user=a&team=one`)
    expectError(answer, 400, 'invalid_argument', /"team"/)
  })

  it('a parameter given twice is refused by name', async () => {
    const answer = await refuse('GET', `${SERVICE}/features?user=a&team=1&team=2`)
    expectError(answer, 400, 'invalid_argument', /"team".*more than once/)
  })

  it.each([
    ['=1', /entity 0: "": there is no such field/],
    ['__proto__=1', /entity 0: "__proto__": there is no such field/],
    ['x=%ff', /parameter text "%ff": it is not percent-encoded UTF-8/],
    ['x=%', /parameter text "%": it is not percent-encoded UTF-8/],
  ])('the parameter "%s" is refused by name (S34)', async (parameter, message) => {
    const answer = await refuse('GET', `${SERVICE}/features?user=a&team=1&${parameter}`)
    expectError(answer, 400, 'invalid_argument', message)
  })

  it('parameters are read as forms write them: a plus or %20 is a space', async () => {
    const answer = await call('GET', `${SERVICE}/features?%75ser=a+b%20c&&team=1&`)
    expect(answer.status, answer.text).toBe(200)
  })

  it.each(['PUT', 'DELETE', 'PATCH'])('%s on its path is no route, to who has the token', async (method) => {
    expectError(await refuse(method, `${SERVICE}/features`), 404, 'not_found', /there is no such route/)
    const refused = await refuse(method, `${SERVICE}/features`, undefined, { authorization: null })
    expectError(refused, 401, 'unauthenticated', /Bearer <token>/)
  })

  it('answers carry the generation they were made from (S33)', async () => {
    const { headers } = await call('GET', `${SERVICE}/features?user=nobody&team=1`)
    expect(headers.get('x-generation')).toBe('1')
  })

  it('absent columns of a row are null, not missing (S12)', async () => {
    const { json } = await pushThenGet('absent', '"count":3')
    expect(json.features).toEqual({ count: 3, score: null, note: null, tags: null, blob: null })
    expect(json.statuses).toMatchObject({ count: 'present', score: 'null', tags: 'null' })
  })

  it('an event older than the ttl is expired, not missing (S3)', async () => {
    const at = new Date(Date.now() - 8 * 86_400_000).toISOString()
    await call('POST', EVENTS, { events: [{ at, user: 'old', team: 1, count: 3 }] })
    const found = await until(
      () => call<Row>('GET', `${SERVICE}/features?user=old&team=1`),
      ({ json }) => json.statuses.count !== 'missing',
      READABLE_MS,
    )
    expect(found.json.features.count).toBeNull()
    expect(found.json.statuses.count).toBe('expired')
  })
})

// Side by side, because each waits for an isolate's cache of blocks to age (S31).
describe.concurrent('values from push to Get', () => {
  it.each(['9223372036854775807', '-9223372036854775808', '9007199254740993', '-9007199254740993'])(
    'int64 %s keeps every digit, sent as a number and as text (S14)',
    async (digits) => {
      for (const [form, sent] of [
        ['number', digits],
        ['text', `"${digits}"`],
      ]) {
        const { text } = await pushThenGet(`int ${form} ${digits}`, `"count":${sent}`)
        expect(text).toContain(`"count":${digits},`)
      }
    },
  )

  it.each(['9223372036854775808', '1.5', '1e300', '"1.5"'])('int64 %s is refused (S14)', async (number) => {
    const event = `{"at":"${now()}","user":"int","team":1,"count":${number}}`
    const { json } = await call('POST', EVENTS, `{"events":[${event}]}`)
    expect(json).toMatchObject({ accepted: 0, rejected: [{ message: expect.stringContaining('"count"') }] })
  })

  it.each(['"NaN"', '"Infinity"', '"-Infinity"', '-0', '0', '0.1', '5e-324', '1.7976931348623157e+308'])(
    'float64 %s comes back as it went and is not null (S15)',
    async (number) => {
      const { text, json } = await pushThenGet(`float ${number}`, `"score":${number}`)
      expect(text).toContain(`"score":${number},`)
      expect(json.statuses.score).toBe('present')
    },
  )

  it('empty list, null list and null inside a list stay three things (S16)', async () => {
    const empty = await pushThenGet('list empty', '"tags":[]')
    expect([empty.json.features.tags, empty.json.statuses.tags]).toEqual([[], 'present'])
    const none = await pushThenGet('list null', '"tags":null')
    expect([none.json.features.tags, none.json.statuses.tags]).toEqual([null, 'null'])
    const inside = await pushThenGet('list inside', '"tags":["a",null,""]')
    expect([inside.json.features.tags, inside.json.statuses.tags]).toEqual([['a', null, ''], 'present'])
  })

  it('bytes are base64 (S15)', async () => {
    expect((await pushThenGet('bytes', '"blob":"AP8="')).json.features.blob).toBe('AP8=')
  })

  it.each(['é', 'e\u0301', '日本', '🛫', 'a:b","c\\\t\n', ' ', '', '\u0000', 'x'.repeat(2_000)])(
    'text %j is kept as given, as key and as value (S13)',
    async (text) => {
      const { json } = await pushThenGet(`k${text}`, `"note":${JSON.stringify(text)}`)
      expect(json.features.note).toBe(text)
    },
  )

  it('keys that look alike are apart: composed or not, empty or not (S13)', async () => {
    await pushThenGet('caf\u00e9', '"note":"composed"')
    const path = `${SERVICE}/features?team=1&user=`
    const apart = await call<Row>('GET', `${path}${encodeURIComponent('cafe\u0301')}`)
    expect(apart.json.statuses.note).toBe('missing')
  })

  it('the empty string is a key (S13)', async () => {
    expect((await pushThenGet('', '"note":"empty"')).json.features.note).toBe('empty')
  })
})

describe('BatchGet', () => {
  interface Rows {
    readonly feature_names: string[]
    readonly rows: unknown[][]
    readonly statuses?: string[][]
    readonly event_times?: (string | null)[][]
  }
  const batchGet = (body: object) => call<Rows>('POST', `${SERVICE}/features`, body)
  const entity = (user: string) => ({ user, team: 1 })

  it('answers in the order asked, duplicates twice (S28)', async () => {
    await pushThenGet('b1', '"count":1')
    await pushThenGet('b2', '"count":2')
    const { status, json } = await batchGet({
      entities: ['b2', 'b1', 'never', 'b2'].map(entity),
      features: ['count'],
      consistency: 'strong',
    })
    expect(status).toBe(200)
    expect(json).toEqual({
      feature_names: ['count'],
      rows: [[2], [1], [null], [2]],
      statuses: [['present'], ['present'], ['missing'], ['present']],
    })
  })

  it('says in server-timing where its blocks came from, and Get does, too', async () => {
    const cost = /^blocks;desc="cached=\d+ kv=\d+ refreshed=\d+ writers=\d+", read;dur=\d+, total;dur=\d+$/
    const { headers } = await batchGet({ entities: [entity('timed')] })
    expect(headers.get('server-timing')).toMatch(cost)
    const strong = await batchGet({ entities: [entity('timed')], consistency: 'strong' })
    expect(strong.headers.get('server-timing')).toContain('cached=0 kv=0 refreshed=0 writers=')
    const get = await call('GET', `${SERVICE}/features?user=timed&team=1`)
    expect(get.headers.get('server-timing')).toMatch(cost)
    expect(get.headers.get('x-request-id')).toMatch(/^[0-9a-z]{26}$/)
  })

  it('an empty list is answered with an empty list (S28)', async () => {
    const { json } = await batchGet({ entities: [] })
    expect(json).toEqual({ feature_names: FEATURES.map(({ name }) => name), rows: [], statuses: [] })
  })

  it('answers what was asked for and nothing else, in that order (S29)', async () => {
    await pushThenGet('projected', '"count":4,"score":0.5')
    const { json } = await batchGet({
      entities: [entity('projected')],
      features: ['score', 'count'],
      include: ['event_times'],
    })
    expect(json).toEqual({
      feature_names: ['score', 'count'],
      rows: [[0.5, 4]],
      event_times: [[expect.stringMatching(/Z$/), expect.stringMatching(/Z$/)]],
    })
    const bare = await batchGet({ entities: [entity('projected')], features: ['count'], include: [] })
    expect(bare.json).toEqual({ feature_names: ['count'], rows: [[4]] })
  })

  it('1,000 entities are answered, one more is refused (S28)', async () => {
    const entities = Array.from({ length: 1_000 }, (_, at) => entity(`many${at}`))
    expect((await batchGet({ entities })).json.rows).toHaveLength(1_000)
    const answer = await refuse('POST', `${SERVICE}/features`, { entities: [...entities, entity('one')] })
    expectError(answer, 413, 'limit_exceeded', /1001 entities/)
  })

  it('every fault of malformed entities is listed by row and name (S28)', async () => {
    const answer = await refuse('POST', `${SERVICE}/features`, {
      entities: [entity('fine'), { team: 'x', usr: 'a' }, { user: 1, team: null }],
    })
    expectError(answer, 400, 'invalid_argument', /^Cannot read entity 1/)
    const faults = answer.json.error.details.faults as { row: number; name: string }[]
    expect(faults.map(({ row, name }) => `${row} ${name}`).sort()).toEqual([
      '1 team',
      '1 user',
      '1 usr',
      '2 team',
      '2 user',
    ])
    expect(answer.text).toContain('did you mean')
  })

  it('an unknown feature is refused with the nearest name, one asked twice too (S34)', async () => {
    const unknown = await refuse('POST', `${SERVICE}/features`, { entities: [], features: ['scor'] })
    expectError(unknown, 400, 'invalid_argument', /"scor".*did you mean "score"/)
    const twice = await refuse('POST', `${SERVICE}/features`, { entities: [], features: ['score', 'score'] })
    expectError(twice, 400, 'invalid_argument', /"score" twice/)
  })

  it('an unknown service is refused with the nearest name (S34)', async () => {
    const answer = await refuse('POST', '/v1/feature-services/profiles/features', { entities: [] })
    expectError(answer, 404, 'not_found', /did you mean "profile"/)
  })

  it.each([{ entities: {} }, { entities: [1] }, { entities: [], consistency: 'none' }, {}])(
    'the request %j is refused',
    async (body) => {
      const answer = await refuse('POST', `${SERVICE}/features`, body)
      expectError(answer, 400, 'invalid_argument', /entities|consistency/)
    },
  )
})

describe('historical features', () => {
  const HISTORY = `${SERVICE}/historical-features`

  it('rows are the labels, in order, duplicates kept, what they carry kept (S21)', async () => {
    await pushThenGet('h', '"count":9007199254740993')
    const event_time = new Date(Date.now() + 1_000).toISOString()
    const label = { user: 'h', team: 1, event_time, clicked: true }
    const labels = [{ ...label, user: 'never' }, label, label]
    const { status, text, json } = await call<{
      columns: { name: string; type: string }[]
      rows: unknown[][]
    }>('POST', HISTORY, { labels })
    expect(status).toBe(200)
    expect(json.columns).toEqual([
      { name: 'user', type: 'string' },
      { name: 'team', type: 'int64' },
      { name: 'event_time', type: 'timestamp' },
      { name: 'clicked', type: 'bool' },
      ...FEATURES.map(({ name, type }) => ({ name, type })),
    ])
    expect(json.rows).toHaveLength(3)
    expect(json.rows[0]).toEqual(['never', 1, expect.any(String), true, null, null, null, null, null])
    expect(json.rows[2]).toEqual(json.rows[1])
    expect(text.split('9007199254740993')).toHaveLength(3)
  })

  it('no labels give no rows (S21)', async () => {
    const { status, json } = await call('POST', HISTORY, { labels: [] })
    expect(status).toBe(200)
    expect(json).toMatchObject({ rows: [] })
  })

  it('every fault of malformed labels is listed by row and column (S24)', async () => {
    const labels = [
      { user: 'a', team: 1 },
      { user: 'a', event_time: now() },
      { user: 1, team: 1, event_time: 5 },
    ]
    const answer = await refuse('POST', HISTORY, { labels })
    expectError(answer, 400, 'invalid_argument', /label 0.*"event_time"/)
    const faults = answer.json.error.details.faults as { row: number; name: string }[]
    expect(faults.map(({ row, name }) => `${row} ${name}`).sort()).toEqual([
      '0 event_time',
      '1 team',
      '2 event_time',
      '2 user',
    ])
  })

  it('a label column named as a feature is refused by name', async () => {
    const labels = [{ user: 'a', team: 1, event_time: now(), score: 1 }]
    expectError(await refuse('POST', HISTORY, { labels }), 400, 'invalid_argument', /"score"/)
  })

  it('more than 10,000 labels are refused', async () => {
    const answer = await refuse('POST', HISTORY, { labels: Array.from({ length: 10_001 }, () => ({})) })
    expectError(answer, 413, 'limit_exceeded', /10001 labels/)
  })

  it('as_of that is no time is refused, one before the push hides it (S5)', async () => {
    await pushThenGet('as_of', '"count":1')
    const labels = [{ user: 'as_of', team: 1, event_time: now() }]
    const bad = await refuse('POST', HISTORY, { labels, as_of: 'today' })
    expectError(bad, 400, 'invalid_argument', /"today"/)
    const before = await call<{ rows: unknown[][] }>('POST', HISTORY, {
      labels,
      as_of: '2020-01-01T00:00:00Z',
    })
    expect(before.json.rows[0]![3]).toBeNull()
    const after = await call<{ rows: unknown[][] }>('POST', HISTORY, { labels, as_of: now() })
    expect(after.json.rows[0]![3]).toBe(1)
  })

  it('an unknown service is refused with the nearest name (S34)', async () => {
    const answer = await refuse('POST', '/v1/feature-services/prfile/historical-features', { labels: [] })
    expectError(answer, 404, 'not_found', /did you mean "profile"/)
  })
})
