import { type BenchAnswer, type BenchRequest, createLoopClient, perSecond } from './closed-loop.ts'
import type { Comparison } from './comparison.ts'
import { createProfile } from './profiles.ts'
import { publishProfiles } from './published-profiles.ts'
import { createRandom, randomInt } from './random.ts'
import { parseKvKeys } from './server-timing.ts'
import { checkRows, FEATURE_COUNT, kvKey, startBaseline, startStore } from './serving-workers.ts'

const USER_COUNT = 5_000_000
const BATCH_USERS = 100

export interface UniformOptions {
  /** Of each side, after a tenth as many that are not counted. */
  readonly requestCount: number
}

/**
 * BatchGet of users drawn from so many that no cache is of use: the case in which blocks only cost, for each one read
 * serves one row of dozens. Nobody is asked for twice.
 */
export async function measureUniform({ requestCount }: UniformOptions): Promise<Comparison> {
  const random = createRandom(6)
  const warmUpCount = Math.ceil(requestCount / 10)
  const batches = Array.from({ length: warmUpCount + requestCount }, () =>
    Array.from({ length: BATCH_USERS }, () => randomInt(random, USER_COUNT)),
  )
  const users = batches.flat()
  const valuesOf = (user: number) => createProfile(user, FEATURE_COUNT)
  const published = publishProfiles({ featureCount: FEATURE_COUNT, userCount: USER_COUNT, users })
  const client = createLoopClient()
  const [store, baseline] = await Promise.all([startStore(), startBaseline()])
  try {
    await store.putTexts(published)
    await baseline.putTexts(new Map(users.map((user) => [kvKey(user), JSON.stringify(valuesOf(user))])))
    const run = async (request: (users: readonly number[]) => BenchRequest) => {
      const answers: BenchAnswer[] = []
      await client.run(iterate(batches.slice(0, warmUpCount).map(request)))
      const counted = iterate(batches.slice(warmUpCount).map(request))
      const throughput = await client.run(counted, { onAnswer: (answer) => answers.push(answer) })
      return { perSecond: perSecond([throughput]), answers }
    }
    const ours = await run(store.batchGet)
    const theirs = await run(baseline.batchGet)
    for (const worker of [store, baseline]) await checkRows(client, worker, { users: batches[0]!, valuesOf })
    const keys = ours.answers.reduce((sum, answer) => sum + parseKvKeys(answer), 0) / requestCount
    const blockBytes = meanLength([...published.values()].slice(2))
    return {
      name: 'batch_get_100_uniform',
      ours: ours.perSecond,
      baseline: theirs.perSecond,
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
