import { beforeEach, expect, test } from 'vitest'
import { FeatureStoreError } from '../../src/core/error.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { createApp } from '../../src/http/app.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = 1_767_225_600_000_000

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
})

function push(): Promise<Response> {
  const app = createApp(() => ({ platform, adminToken: 'test' }))
  const headers = { authorization: 'Bearer test' }
  const body = JSON.stringify({ events: [] })
  const request = new Request('http://store/v1/sources/clicks/events', { method: 'POST', headers, body })
  return Promise.resolve(app.fetch(request, {}))
}

test('a push into an old backlog is answered unavailable with retry-after', async () => {
  platform.backlog = {
    messageCount: LIMITS.backlogMessagesMin,
    oldestTime: START - LIMITS.backlogAgeMaxMs * 1_000 - 1,
  }
  const answer = await push()
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('30')
  expect(await answer.json()).toMatchObject({
    error: { code: 'unavailable', details: { retry_after_s: 30 } },
  })
  expect(platform.logged).toEqual([])
})

test('an outage is answered unavailable and logged, without a retry-after that nobody knows', async () => {
  platform.registry.readGeneration = async () => {
    throw new FeatureStoreError('unavailable', 'Cannot reach the definitions in D1: overloaded; try again')
  }
  const answer = await push()
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBeNull()
  expect(platform.logged).toEqual([expect.stringMatching(/could not be served/)])
})
