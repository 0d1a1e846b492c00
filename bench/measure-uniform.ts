import {
  type BenchAnswer,
  type BenchRequest,
  createLoopClient,
  type LoopOptions,
  perSecond,
  type Throughput,
} from './closed-loop.ts'
import type { Comparison } from './comparison.ts'
import { createProfile } from './profiles.ts'
import { publishProfiles } from './published-profiles.ts'
import { createRandom, randomInt } from './random.ts'
import { parseKvKeys } from './server-timing.ts'
import {
  checkRows,
  FEATURE_COUNT,
  kvKey,
  type ServingWorker,
  startBaseline,
  startStore,
} from './serving-workers.ts'

const BATCH_USERS = 100
const ROUNDS = 5

export interface UniformOptions {
  /** Users in the store. */
  readonly userCount: number
  /** Of each side, after a tenth as many that are not counted. */
  readonly requestCount: number
}

/**
 * BatchGet of users drawn from so many that no cache is of use: the case in which blocks only cost, for each one read
 * serves one row of dozens. Nobody is asked for twice.
 */
export async function measureUniform({ userCount, requestCount }: UniformOptions): Promise<Comparison> {
  const random = createRandom(6)
  const warmUpCount = Math.ceil(requestCount / 10)
  const batches = Array.from({ length: warmUpCount + requestCount }, () =>
    Array.from({ length: BATCH_USERS }, () => randomInt(random, userCount)),
  )
  const users = batches.flat()
  const valuesOf = (user: number) => createProfile(user, FEATURE_COUNT)
  const published = publishProfiles({ featureCount: FEATURE_COUNT, userCount, users })
  const client = createLoopClient()
  const [store, baseline] = await Promise.all([startStore(), startBaseline()])
  try {
    await store.putTexts(published)
    await baseline.putTexts(new Map(users.map((user) => [kvKey(user), JSON.stringify(valuesOf(user))])))
    const ask = (worker: ServingWorker, asked: readonly (readonly number[])[], options?: LoopOptions) =>
      client.run(iterate(asked.map(worker.batchGet)), options)
    for (const worker of [store, baseline]) await ask(worker, batches.slice(0, warmUpCount))
    const counted = batches.slice(warmUpCount)
    const [ours, theirs]: [Throughput[], Throughput[]] = [[], []]
    const answers: BenchAnswer[] = []
    // In turns, so that a slow minute of the machine slows both.
    for (let round = 0; round < ROUNDS; round++) {
      const asked = counted.filter((_, at) => at % ROUNDS === round)
      ours.push(await ask(store, asked, { onAnswer: (answer) => answers.push(answer) }))
      theirs.push(await ask(baseline, asked))
    }
    for (const worker of [store, baseline]) await checkRows(client, worker, { users: batches[0]!, valuesOf })
    const keys = answers.reduce((sum, answer) => sum + parseKvKeys(answer), 0) / requestCount
    const blockBytes = meanLength([...published.values()].slice(2))
    return {
      name: 'batch_get_100_uniform',
      ours: perSecond(ours),
      baseline: perSecond(theirs),
      unit: 'requests/s',
      facts: {
        our_keys: keys,
        our_kv_bytes: keys * blockBytes,
        our_block_bytes: blockBytes,
        baseline_keys: BATCH_USERS,
        baseline_kv_bytes:
          BATCH_USERS * meanLength(batches[0]!.map((user) => JSON.stringify(valuesOf(user)))),
      },
    }
  } finally {
    client.close()
    await store.close()
    await baseline.close()
  }
}

function iterate(requests: readonly BenchRequest[]): () => BenchRequest | undefined {
  let at = 0
  return () => requests[at++]
}

function meanLength(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0) / texts.length
}
