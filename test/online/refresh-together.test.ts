import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import type { PlannedBlock } from '../../src/online/plan-read.ts'
import { refreshTogether } from '../../src/online/refresh-together.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform, CLICKS)
  const { snapshot } = await resolveInNewest(platform, 'ranker')
  const entity = snapshot.entities.user!
  const [group] = entity.groups
  const block = (key: string): PlannedBlock => ({ key, entity, group: group!, bits: '0', views: [] })
  const reads: string[][] = []
  const want = (keys: readonly string[], under = snapshot) =>
    refreshTogether(platform, { snapshot: under, blocks: keys.map(block) }, async (blocks) => {
      reads.push(blocks.map(({ key }) => key))
    })
  return { platform, snapshot, reads, want }
}

test('what requests want refreshed at about one time is read at once, and only once', async () => {
  const { reads, want } = await start()
  want(['a', 'b'])
  want(['c'])
  expect(reads).toEqual([])
  await setImmediate()
  expect(reads).toEqual([['a', 'b', 'c']])
  want(['d'])
  await setImmediate()
  expect(reads).toEqual([['a', 'b', 'c'], ['d']])
})

test('what is read at once is no more than one request may read, and of one generation', async () => {
  const { snapshot, reads, want } = await start()
  const keys = Array.from({ length: 3_000 }, (_, at) => `k${at}`)
  want(keys)
  want(keys)
  want(['x'], { ...snapshot })
  await setImmediate()
  expect(reads.map(({ length }) => length)).toEqual([3_000, 3_000, 1])
})

test('blocks are not left to a request that was cut off', async () => {
  const { platform, reads, want } = await start()
  const { pause } = platform
  Object.assign(platform, { pause: () => new Promise(() => {}) })
  want(['a'])
  Object.assign(platform, { pause })
  platform.time.now += 1_000_000
  want(['b'])
  await setImmediate()
  expect(reads).toEqual([['b']])
})
