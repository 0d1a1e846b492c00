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
import { compareWarm, type Sides, type WarmOptions } from './compare-warm.ts'
import type { Comparison } from './comparison.ts'
import { profileDefinitions } from './profiles.ts'
import { createRandom, randomInt } from './random.ts'
import {
  checkRows,
  createEntities,
  FEATURE_COUNT,
  type ServingWorker,
  startBaseline,
  startLikeForLike,
  startStore,
} from './serving-workers.ts'

/** Entities that `get_warm` asks for, at random: few enough that their blocks stay warm, as hot ones do. */
const WARM_ENTITIES = 100

/** Rounds and times are those of each warm comparison. */
export interface ServingOptions extends Omit<WarmOptions, 'name'> {
  readonly entityCount: number
  /** Passes over all blocks in which `get_cold` asks for one entity of each. */
  readonly coldPasses: number
  /**
   * Wait after loading, until what waits in the writers is published, a second later at most. With 40 s their cuts to the offline log
   * do not fall into a measurement either.
   */
  readonly settleMs: number
}

/**
 * Get and BatchGet against a Worker without a store. Both sides run in workerd and are asked by the same client on a
 * socket of their own, with no proxy between; the client's own time is in both, so ratios of cheap requests come
 * out nearer to 1 than the Workers alone would have them. KV is Miniflare's, on this machine: its gets are neither
 * as fast nor as slow as Cloudflare's, so what reads it tells one commit from another, not what production would show.
 * `batch_get_100_both_cached` is meant at 100,000 entities: a few thousand fit the baseline's cache for good, and then
 * it does next to nothing.
 */
export async function measureServing(options: ServingOptions): Promise<Comparison[]> {
  const client = createLoopClient()
  const [store, baseline] = await Promise.all([startStore(), startBaseline()])
  try {
    const entities = createEntities(options.entityCount)
    await baseline.load(client, entities)
    await store.load(client, entities)
    await sleep(options.settleMs)
    const random = createRandom(2)
    const randomUser = () => randomInt(random, options.entityCount)
    const randomBatch = (size: number) => Array.from({ length: size }, randomUser)
    for (const worker of [store, baseline])
      await checkRows(client, worker, { users: randomBatch(100), valuesOf: (user) => entities[user]! })
    const warmUser = () => randomInt(random, Math.min(WARM_ENTITIES, options.entityCount))
    const { rounds, measureMs, warmUpMs } = options
    const warm = (name: string, sides: Sides) =>
      compareWarm(client, { name, rounds, measureMs, warmUpMs }, sides)
    const likeForLike = await startLikeForLike(await client.send(store.get(1)))
    try {
      return [
        await warm('get_warm', { ours: () => store.get(warmUser()), baseline: () => baseline.ok }),
        await warm('get_like_for_like', {
          ours: () => store.get(warmUser()),
          baseline: () => likeForLike.request,
        }),
        await compareCold(client, options, { store, baseline }),
        await warm('batch_get_100', {
          ours: () => store.batchGet(randomBatch(100)),
          baseline: () => baseline.batchGet(randomBatch(100)),
        }),
        await warm('batch_get_1000', {
          ours: () => store.batchGet(randomBatch(1_000)),
          baseline: () => baseline.batchGet(randomBatch(1_000)),
        }),
        await warm('batch_get_100_both_cached', {
          ours: () => store.batchGet(randomBatch(100)),
          baseline: () => baseline.batchGetCached(randomBatch(100)),
        }),
      ]
    } finally {
      await likeForLike.close()
    }
  } finally {
    client.close()
    await store.close()
    await baseline.close()
  }
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
    if (pass > 0) await sleep(BLOCK_TTL_MS + 200)
    const ourPass = await client.run(iterate(users, store.get))
    if (pass === 0) continue
    ours.push(ourPass)
    theirs.push(theirPass)
  }
  return { name: 'get_cold', ours: perSecond(ours), baseline: perSecond(theirs), unit: 'requests/s' }
}

function groupUsersByBlock(entityCount: number): number[][] {
  const snapshot = compileDefinitions(DefinitionSet.parse(profileDefinitions(FEATURE_COUNT)), {
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
