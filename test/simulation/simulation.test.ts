import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'

/** `npm run simulate -- --seeds 100000` runs more of them. */
const SEEDS = 1_000

test('writers that took deliveries made under older definitions would be found out (S33)', async () => {
  const outcomes: string[] = []
  for (let seed = 0; seed < 60 && !/log of size/.test(outcomes.at(-1) ?? ''); seed++)
    outcomes.push(
      await simulate(seed, { takesStale: true }).then(
        () => 'passes',
        (error) => String(error),
      ),
    )
  expect(outcomes.join('\n')).toMatch(/log of size/)
}, 300_000)

test(`${SEEDS} seeds of duplicates, other orders, late rows, deletions, growing blocks, new views and their fills, old snapshots, failing stores and crashes come to the plain truth (S4, S6, S7, S9, S10, S22, S30)`, async () => {
  const total = { crashes: 0, refusedPuts: 0, staleDeliveries: 0 }
  for (let seed = 0; seed < SEEDS; seed++) {
    const report = await simulate(seed).catch((error) => {
      throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error })
    })
    total.crashes += report.crashes
    total.refusedPuts += report.refusedPuts
    total.staleDeliveries += report.staleDeliveries
  }
  // A simulation in which nothing goes wrong would prove nothing.
  expect(total.crashes).toBeGreaterThan(SEEDS)
  expect(total.refusedPuts).toBeGreaterThan(SEEDS)
  expect(total.staleDeliveries).toBeGreaterThan(SEEDS)
}, 600_000)
