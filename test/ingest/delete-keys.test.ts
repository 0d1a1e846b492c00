import { expect, test } from 'vitest'
import { LIMITS } from '../../src/core/limits.ts'
import { parseInstant } from '../../src/core/time.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { REPLAY_AGE_MAX_MS } from '../../src/ingest/writer-platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  return platform
}

function deleteAnn(platform: MemoryPlatform) {
  return deleteKeys(platform, {
    entity: 'user',
    keys: [{ user: 'ann' }],
    eventTime: START,
    views: null,
    idempotency: { token: 'somebody', key: 'once' },
  })
}

test('a deletion repeated under its Idempotency-Key is the same while writers know its ids, and refused after (S9)', async () => {
  const platform = await start()
  const first = await deleteAnn(platform)
  const sent = [...platform.queue]
  platform.time.now += REPLAY_AGE_MAX_MS * 1_000
  expect(await deleteAnn(platform)).toEqual(first)
  expect(platform.queue).toEqual([...sent, ...sent])
  platform.time.now++
  await expect(deleteAnn(platform)).rejects.toMatchObject({ code: 'failed_precondition' })
  expect(platform.queue).toHaveLength(2 * sent.length)
})

test('a deletion into an old backlog is refused unless it has begun before', async () => {
  const platform = await start()
  const first = await deleteAnn(platform)
  platform.backlog = {
    messageCount: LIMITS.backlogMessagesMin,
    oldestTime: platform.time.now - LIMITS.backlogAgeMaxMs * 1_000 - 1,
  }
  platform.time.now += 5_000_000
  expect(await deleteAnn(platform)).toEqual(first)
  const other = { entity: 'user', keys: [{ user: 'bob' }], eventTime: START, views: null }
  await expect(deleteKeys(platform, other)).rejects.toMatchObject({ code: 'unavailable' })
})
