import { expect } from 'vitest'
import { simulate } from './simulate.ts'

/** Simulates seeds from one to another, exclusive, and expects that each comes to the plain truth. */
export async function expectSeeds(from: number, to: number): Promise<void> {
  const total = { crashes: 0, storageFaults: 0, moves: 0, refusedPuts: 0, staleDeliveries: 0 }
  for (let seed = from; seed < to; seed++) {
    const report = await simulate(seed).catch((error) => {
      throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error })
    })
    total.crashes += report.crashes
    total.storageFaults += report.storageFaults
    total.moves += report.moves
    total.refusedPuts += report.refusedPuts
    total.staleDeliveries += report.staleDeliveries
  }
  // A simulation in which nothing goes wrong would prove nothing.
  expect(total.crashes).toBeGreaterThan(to - from)
  expect(total.storageFaults).toBeGreaterThan(to - from)
  expect(total.moves).toBeGreaterThan(to - from)
  expect(total.refusedPuts).toBeGreaterThan(to - from)
  expect(total.staleDeliveries).toBeGreaterThan(to - from)
}
