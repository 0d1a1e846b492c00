import { expect, test } from 'vitest'
import { expectSeeds } from './expect-seeds.ts'
import { simulate } from './simulate.ts'

/** `npm run simulate -- --seeds 100000` runs more of them, and `more-seeds.test.ts` as many again. */
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

test(
  `${SEEDS} seeds of duplicates, other orders, late rows, deletions, growing blocks, new views and their fills, old snapshots, failing stores and crashes come to the plain truth (S4, S6, S7, S9, S10, S22, S30)`,
  () => expectSeeds(0, SEEDS),
  1_200_000,
)
