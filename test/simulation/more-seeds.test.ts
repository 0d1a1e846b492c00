import { test } from 'vitest'
import { expectSeeds } from './expect-seeds.ts'

// A file of its own runs beside the other: two cores take half the time.
test(
  '1000 further seeds of the same simulation come to the plain truth (S4, S6, S7, S9, S10, S22, S30)',
  () => expectSeeds(1_000, 2_000),
  1_200_000,
)
