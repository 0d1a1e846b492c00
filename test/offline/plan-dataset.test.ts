import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countFiles, planDataset, planJoins } from '../../src/offline/plan-dataset.ts'

const covers = (ranges: readonly { rowStart: number; rowEnd: number }[], count: number) =>
  ranges.every(({ rowStart }, at) => rowStart === (ranges[at - 1]?.rowEnd ?? 0)) &&
  (ranges.at(-1)?.rowEnd ?? 0) === count

test('planDataset() cuts labels into chunks, and chunks into files, none left out and none twice', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 1_000, max: 100_000 }),
      (rowCount, bytesEach, chunkRows) => {
        const plan = planDataset({ rowCount, bytes: rowCount * bytesEach }, chunkRows)
        expect(covers(plan.chunks, rowCount)).toBe(true)
        expect(covers(plan.files, Math.max(plan.chunks.length, 1))).toBe(true)
        expect(plan.files).toHaveLength(countFiles(plan.chunks.length))
        for (const { rowStart, rowEnd } of plan.chunks) {
          expect(rowEnd - rowStart).toBeLessThanOrEqual(chunkRows)
          expect((rowEnd - rowStart) * bytesEach).toBeLessThanOrEqual(16_000_000)
        }
        // With keys spread evenly, a partition is what one join takes.
        if (plan.partitionBits < 12)
          expect(rowCount / 2 ** plan.partitionBits).toBeLessThanOrEqual(plan.joinLabelsMax)
      },
    ),
  )
})

test('the reads of 10 M labels are those that the documents say', () => {
  const plan = planDataset({ rowCount: 10_000_000, bytes: 300_000_000 }, 65_536)
  expect([plan.chunks.length, 2 ** plan.partitionBits, plan.files.length]).toEqual([153, 128, 20])
})

test('planJoins() joins every label once, in pieces where one partition has too many', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 4, maxLength: 4 }), {
          minLength: 2,
          maxLength: 2,
        }),
        { maxLength: 12 },
      ),
      (counts) => {
        const joins = planJoins(counts, { ...planDataset({ rowCount: 1, bytes: 1 }, 1), joinLabelsMax: 10 })
        for (const join of joins) {
          const each = counts
            .slice(join.chunkStart, join.chunkEnd)
            .map((chunk) => chunk[join.role]![join.partition]!)
          const sum = each.reduce((a, b) => a + b, 0)
          expect(sum).toBeGreaterThan(0)
          expect(sum <= 10 || each.filter((count) => count > 0).length === 1).toBe(true)
        }
        for (const role of [0, 1]) {
          for (const partition of [0, 1, 2, 3]) {
            for (const [chunk, byRole] of counts.entries()) {
              if (byRole[role]![partition] === 0) continue
              const found = joins.filter(
                (join) =>
                  join.role === role &&
                  join.partition === partition &&
                  join.chunkStart <= chunk &&
                  chunk < join.chunkEnd,
              )
              expect(found).toHaveLength(1)
            }
          }
        }
      },
    ),
  )
})
