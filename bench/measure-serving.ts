import { setTimeout as sleep } from 'node:timers/promises'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { DefinitionSet } from '../src/definitions/definition-set.ts'
import { planRead } from '../src/online/plan-read.ts'
import { BLOCK_TTL_MS } from '../src/online/read-blocks.ts'
import {
  type BenchRequest,
  createLoopClient,
  type LoopClient,
  perSecond,
  type Throughput,
} from './closed-loop.ts'
import type { Comparison } from './comparison.ts'
import { createRandom, randomInt } from './random.ts'
import {
  checkRows,
  createEntities,
  DEFINITIONS,
  type ServingWorker,
  startBaseline,
  startStore,
} from './serving-workers.ts'

const BATCH_ENTITIES = 100
/** Entities that `get_warm` asks for, at random: few enough that their blocks stay warm, as hot ones do. */
const WARM_ENTITIES = 100
const WARM_UP_MS = 1_000
const ROUNDS = 2

export interface ServingOptions {
  readonly entityCount: number
  /** Of each side of each warm comparison. */
  readonly measureMs: number
  /** Passes over all blocks in which `get_cold` asks for one entity of each. */
  readonly coldPasses: number
  /** Wait after loading, so that the writers' cuts to the offline log do not fall into a measurement. */
  readonly settleMs: number
}

/**
 * Get and BatchGet against a Worker without a store. Both sides run in workerd and are asked by the same client on a
 * socket of their own, with no proxy between; the client's own time is in both, so ratios of cheap requests come
 * out nearer to 1 than the Workers alone would have them. KV is Miniflare's, on a local disk: its gets are neither
 * as fast nor as slow as Cloudflare's, so `get_cold` and `batch_get_100` tell one commit from another, not what
 * production would show. The two sides take turns, so that a slow minute of the machine slows both.
 */
export async function measureServing(options: ServingOptions): Promise<Comparison[]> {
  const client = createLoopClient()
  const [store, baseline] = await Promise.all([startStore(), startBaseline()])
  try {
    const entities = createEntities(options.entityCount)
    await baseline.load(client, entities)
    await store.load(client, entities)
    // What waits in the writers is published within a second, and a cached block is let go after its ttl.
    await sleep(Math.max(BLOCK_TTL_MS + 1_000, options.settleMs))
    const random = createRandom(2)
    const randomUser = () => randomInt(random, options.entityCount)
    const randomBatch = () => Array.from({ length: BATCH_ENTITIES }, randomUser)
    for (const worker of [store, baseline])
      await checkRows(client, worker, { users: randomBatch(), entities })
    const warmUser = () => randomInt(random, Math.min(WARM_ENTITIES, options.entityCount))
    return [
      await compareWarm(client, 'get_warm', options, {
        ours: () => store.get(warmUser()),
        baseline: () => baseline.ok,
      }),
      await compareCold(client, options, { store, baseline }),
      await compareWarm(client, 'batch_get_100', options, {
        ours: () => store.batchGet(randomBatch()),
        baseline: () => baseline.batchGet(randomBatch()),
      }),
    ]
  } finally {
    client.close()
    await store.close()
    await baseline.close()
  }
}

interface Sides {
  readonly ours: () => BenchRequest
  readonly baseline: () => BenchRequest
}

async function compareWarm(
  client: LoopClient,
  name: string,
  { measureMs }: ServingOptions,
  sides: Sides,
): Promise<Comparison> {
  const rounds = { ours: [] as Throughput[], baseline: [] as Throughput[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of ['ours', 'baseline'] as const) {
      await client.run(sides[side], WARM_UP_MS)
      rounds[side].push(await client.run(sides[side], measureMs / ROUNDS))
    }
  }
  return { name, ours: perSecond(rounds.ours), baseline: perSecond(rounds.baseline), unit: 'requests/s' }
}

/**
 * Every block is asked for once in a pass, by one of its entities; before the next pass they have all outlived
 * their ttl in the isolate's cache. So each Get reads its block from KV. The block cannot be smaller than its
 * entities: with few entities in the store a cold Get looks better than with 100,000.
 */
async function compareCold(
  client: LoopClient,
  { entityCount, coldPasses }: ServingOptions,
  { store, baseline }: { readonly store: ServingWorker; readonly baseline: ServingWorker },
): Promise<Comparison> {
  const usersByBlock = groupUsersByBlock(entityCount)
  const random = createRandom(3)
  const ours: Throughput[] = []
  const theirs: Throughput[] = []
  // The first pass warms up code, not blocks, and is not counted.
  for (let pass = 0; pass <= coldPasses; pass++) {
    const users = usersByBlock.map((block) => block[randomInt(random, block.length)]!)
    const theirPass = await client.run(iterate(users, baseline.get))
    await sleep(BLOCK_TTL_MS + 200)
    const ourPass = await client.run(iterate(users, store.get))
    if (pass === 0) continue
    ours.push(ourPass)
    theirs.push(theirPass)
  }
  return { name: 'get_cold', ours: perSecond(ours), baseline: perSecond(theirs), unit: 'requests/s' }
}

function groupUsersByBlock(entityCount: number): number[][] {
  const snapshot = compileDefinitions(DefinitionSet.parse(DEFINITIONS), {
    generation: 1,
    versions: { profile: 1 },
    blockBits: {},
  })
  const rows = Array.from({ length: entityCount }, (_, user) => [BigInt(user)])
  const { lookups } = planRead(snapshot, snapshot.services.bench!, rows)
  const usersByBlock = Map.groupBy(rows.keys(), (user) => lookups[user]!.block)
  return [...usersByBlock.values()]
}

function iterate(
  users: readonly number[],
  get: (user: number) => BenchRequest,
): () => BenchRequest | undefined {
  let at = 0
  return () => (at < users.length ? get(users[at++]!) : undefined)
}
