import { expect, test } from 'vitest'
import { planReblocking } from '../../src/batch/start-jobs.ts'

const BOUNDS = { blockBytesMax: 16_000, cacheBytesMax: 32_000_000 }

/** The bits that re-blocking would give a group of blocks of that mean size; undefined where it leaves them. */
function bitsFor(means: readonly number[], blockBits = 10): number | undefined {
  const entity = { name: 'user', groups: [{ name: 'main', blockBits, publishMs: 1_000, views: [] }] }
  const reports = means.map((mean) => ({ blockBytes: { main: mean } }))
  const [wanted] = planReblocking(entity, reports, BOUNDS)
  return wanted?.blockBits
}

test('blocks of a group that an isolate can hold are left up to the bound, by the mean of all writers', () => {
  expect(bitsFor([16_000])).toBeUndefined()
  expect(bitsFor([30_000, 1_000])).toBeUndefined()
  expect(bitsFor([16_001])).toBe(11)
  expect(bitsFor([24_001])).toBe(12)
})

test('blocks of a larger group are left up to half of it', () => {
  expect(bitsFor([8_000], 12)).toBeUndefined()
  expect(bitsFor([8_001], 12)).toBe(13)
  // 1,024 blocks of 40 kB are more than the cache holds: they come to 5 kB at once.
  expect(bitsFor([40_000])).toBe(13)
})

test('no more blocks are made than there may be, and none of what no writer has measured', () => {
  expect(bitsFor([1_000_000], 18)).toBe(20)
  expect(bitsFor([1_000_000], 20)).toBeUndefined()
  expect(bitsFor([])).toBeUndefined()
})
