import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'

/** `npm run simulate -- --seeds 100000` runs more of them. */
const SEEDS = 2_000

test(`${SEEDS} seeds of duplicates, other orders, late rows, deletions, growing blocks, failing stores and crashes come to the plain truth (S4, S6, S7, S9, S10, S22, S30)`, async () => {
  const total = { crashes: 0, refusedPuts: 0 }
  for (let seed = 0; seed < SEEDS; seed++) {
    const report = await simulate(seed).catch((error) => {
      throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error })
    })
    total.crashes += report.crashes
    total.refusedPuts += report.refusedPuts
  }
  // A simulation in which nothing goes wrong would prove nothing.
  expect(total.crashes).toBeGreaterThan(SEEDS)
  expect(total.refusedPuts).toBeGreaterThan(SEEDS)
}, 600_000)
