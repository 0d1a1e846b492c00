import { expect, test } from 'vitest'
import { createSeenIds } from '../../src/ingest/seen-ids.ts'

/** Ids of hours that a storage holds, and which hours were read from it. */
function withIds(idsPerHour: number) {
  const read: number[] = []
  const seen = createSeenIds({
    readSeen(hour) {
      read.push(hour)
      return Array.from({ length: idsPerHour }, (_, at) => `${hour}.${at}`)
    },
    appendSeen() {},
  })
  return { read, seen }
}

test('seen ids of several hours are read once while they are few', () => {
  const { read, seen } = withIds(100)
  for (let round = 0; round < 2; round++)
    for (let hour = 0; hour < 10; hour++) expect(seen.has(hour, `${hour}.99`)).toBe(true)
  expect(read).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('seen ids of hours that are past leave memory when they are many, and are found again (S9)', () => {
  const { read, seen } = withIds(60_000)
  for (let hour = 0; hour < 3; hour++) expect(seen.has(hour, `${hour}.1`)).toBe(true)
  // The first two were more than may be held when the third was read.
  expect(seen.has(1, '1.59999')).toBe(true)
  expect(seen.has(0, '0.59999')).toBe(true)
  expect(seen.has(0, '1.1')).toBe(false)
  expect(read).toEqual([0, 1, 2, 0])
})
