import { beforeEach, expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(1_767_225_600_000_000)
  await applyClicks(platform)
})

const EVENTS = '/v1/sources/clicks/events'
const FEATURES = '/v1/feature-services/ranker/features'
const DELETIONS = '/v1/entities/user/deletions'

async function post(path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const app = createApp(() => ({ platform, adminToken: 'test' }))
  const all = { authorization: 'Bearer test', ...headers }
  const answer = await app.fetch(
    new Request(`http://store${path}`, { method: 'POST', headers: all, body }),
    {},
  )
  return { status: answer.status, json: await answer.json() }
}

const refusedFor = (name: string, message: string) => ({
  status: 400,
  json: { error: { code: 'invalid_argument', details: { faults: [{ row: 0, name, message }] } } },
})

/** Deeper than the stack of whoever walks it. */
const DEEP = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
const WIDE = '[12345678901234567890]'

test.each([
  ['nested deeper than the stack', DEEP],
  ['that holds an integer beyond 2^53', WIDE],
])('a list %s in the place of a key is refused by row and name (S28)', async (_, list) => {
  const message = 'Cannot read a list as string'
  expect(await post(FEATURES, `{"entities":[{"user":${list},"item":1}]}`)).toMatchObject(
    refusedFor('user', message),
  )
  expect(
    await post(DELETIONS, `{"keys":[{"user":${list}}],"event_time":"2026-01-01T00:00:00Z"}`),
  ).toMatchObject(refusedFor('user', message))
  expect(await post(EVENTS, `{"events":[{"user":${list}}]}`)).toMatchObject({
    status: 202,
    json: { rejected: [{ index: 0, message: `Column "user": ${message}` }] },
  })
  expect(platform.logged).toEqual([])
})

test('a push nested deeper than the stack is refused under an Idempotency-Key', async () => {
  const answer = await post(EVENTS, `{"events":[{"user":${DEEP}}]}`, { 'idempotency-key': 'once' })
  expect(answer).toMatchObject({ status: 400, json: { error: { code: 'invalid_argument' } } })
  expect(platform.logged).toEqual([])
})

test('a number that no float holds is told as what it is', async () => {
  expect(await post(EVENTS, '{"events":[{"price":1e400}]}')).toMatchObject({
    json: { rejected: [{ message: 'Column "price": Cannot read Infinity as int64' }] },
  })
})

test('a member "__proto__" is refused by name like any other that is not known (S34)', async () => {
  const unknown = refusedFor('__proto__', 'there is no such field')
  expect(await post(FEATURES, '{"entities":[{"user":"ann","item":1,"__proto__":1}]}')).toMatchObject(unknown)
  const keys = '{"keys":[{"user":"ann","__proto__":1}]'
  expect(await post(DELETIONS, `${keys},"event_time":"2026-01-01T00:00:00Z"}`)).toMatchObject(unknown)
  expect(await post('/v1/entities/user/erasures', `${keys}}`)).toMatchObject(unknown)
  expect(await post(EVENTS, '{"events":[{"__proto__":1}]}')).toMatchObject({
    json: { rejected: [{ message: 'Column "__proto__": source "clicks" has no such column' }] },
  })
})

test('an id longer than any dead letter has is refused before it comes to D1, whose parameters hold 2 MB', async () => {
  const replay = (chars: number) => post('/v1/dead-letters/replay', `{"ids":["${'x'.repeat(chars)}"]}`)
  expect(await replay(200)).toMatchObject({ status: 202, json: { refused: [{ code: 'not_found' }] } })
  expect(await replay(201)).toMatchObject({ status: 400 })
})
