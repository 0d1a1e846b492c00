import { createLoopClient, type LoopClient, perSecond } from './closed-loop.ts'
import { formatTable } from './comparison.ts'
import { createProfile } from './profiles.ts'
import { publishProfiles } from './published-profiles.ts'
import { createRandom, randomInt } from './random.ts'
import { parseKvKeys } from './server-timing.ts'
import { checkRows, type ServingWorker, startStore } from './serving-workers.ts'

const USER_COUNT = 5_000
const FEATURE_COUNTS = [10, 50, 250]
const BATCH_SIZES = [1, 10, 100, 1_000]
const WARM_UP_MS = 1_000

/** How BatchGet goes for one size of request; not held against anything. */
export interface BatchReport {
  readonly entities: number
  readonly features: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of a request on average. */
  readonly kvKeys: number
  readonly bodyBytes: number
}

/** BatchGet of so many entities by so many features each, warm. */
export async function reportBatches({ measureMs }: { readonly measureMs: number }): Promise<BatchReport[]> {
  const client = createLoopClient()
  const reports: BatchReport[] = []
  try {
    for (const featureCount of FEATURE_COUNTS) {
      const store = await startStore()
      try {
        const users = Array.from({ length: USER_COUNT }, (_, user) => user)
        await store.putTexts(publishProfiles({ featureCount, userCount: USER_COUNT, users }))
        await checkRows(client, store, {
          users: [0, 1],
          valuesOf: (user) => createProfile(user, featureCount),
        })
        for (const entities of BATCH_SIZES) {
          const measured = await measureBatches(client, store, { entities, measureMs })
          reports.push({ entities, features: featureCount, ...measured })
        }
      } finally {
        await store.close()
      }
    }
  } finally {
    client.close()
  }
  return reports
}

export function formatBatchReports(reports: readonly BatchReport[]): string {
  return formatTable([
    ['entities', 'features', 'requests/s', 'p50 ms', 'p99 ms', 'KV keys', 'bytes'],
    ...reports.map((report) => [
      String(report.entities),
      String(report.features),
      String(Math.round(report.requestsPerSecond)),
      report.p50Ms.toFixed(1),
      report.p99Ms.toFixed(1),
      report.kvKeys.toFixed(1),
      String(Math.round(report.bodyBytes)),
    ]),
  ])
}

async function measureBatches(
  client: LoopClient,
  store: ServingWorker,
  { entities, measureMs }: { readonly entities: number; readonly measureMs: number },
): Promise<Omit<BatchReport, 'entities' | 'features'>> {
  const random = createRandom(7)
  const next = () => store.batchGet(Array.from({ length: entities }, () => randomInt(random, USER_COUNT)))
  await client.run(next, { durationMs: WARM_UP_MS })
  const latenciesMs: number[] = []
  let kvKeys = 0
  let bodyBytes = 0
  const throughput = await client.run(next, {
    durationMs: measureMs,
    onAnswer(answer) {
      latenciesMs.push(answer.latencyMs)
      kvKeys += parseKvKeys(answer)
      bodyBytes += answer.body.length
    },
  })
  latenciesMs.sort((a, b) => a - b)
  const { requestCount } = throughput
  return {
    requestsPerSecond: perSecond([throughput]),
    p50Ms: latenciesMs[Math.floor(requestCount * 0.5)]!,
    p99Ms: latenciesMs[Math.floor(requestCount * 0.99)]!,
    kvKeys: kvKeys / requestCount,
    bodyBytes: bodyBytes / requestCount,
  }
}
