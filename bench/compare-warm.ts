import { type BenchRequest, type LoopClient, perSecond, type Throughput } from './closed-loop.ts'
import type { Comparison } from './comparison.ts'

export interface Sides {
  readonly ours: () => BenchRequest
  readonly baseline: () => BenchRequest
}

export interface WarmOptions {
  readonly name: string
  /** Of each side. */
  readonly rounds: number
  /** Of each side, over all its rounds. */
  readonly measureMs: number
  /** Before each round: while the other side had its turn, blocks have outlived their ttl. */
  readonly warmUpMs: number
}

/** The two sides take turns, so that a slow minute of the machine slows both. */
export async function compareWarm(
  client: LoopClient,
  { name, rounds: roundCount, measureMs, warmUpMs }: WarmOptions,
  sides: Sides,
): Promise<Comparison> {
  const rounds = { ours: [] as Throughput[], baseline: [] as Throughput[] }
  for (let round = 0; round < roundCount; round++) {
    for (const side of ['ours', 'baseline'] as const) {
      await client.run(sides[side], { durationMs: warmUpMs })
      rounds[side].push(await client.run(sides[side], { durationMs: measureMs / roundCount }))
    }
  }
  return { name, ours: perSecond(rounds.ours), baseline: perSecond(rounds.baseline), unit: 'requests/s' }
}
