import { hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { hash128 } from '../core/hash.ts'
import { parseKeys } from '../definitions/parse-keys.ts'
import { tombstoneLog } from '../definitions/segment-record.ts'
import type { CompiledEntity, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import {
  isPermanent,
  type JobRecord,
  type JobSteps,
  type LogName,
  type Platform,
  runStep,
} from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { resolveEntity } from '../registry/resolve-name.ts'
import { eraseFromLog } from './erase-from-log.ts'

export interface Erasure {
  readonly entity: string
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/** What an erasure has done, as its job reports it. No value of a key stands in it. */
export interface ErasureReport {
  readonly entity: string
  /** Of the encoded keys: 128 bits in hex. */
  readonly key_hashes: readonly string[]
  /** What was removed, by where it was: keys of writers, rows of everything else. */
  readonly removed: Readonly<Record<string, number>>
  /** What is left to others, in words. */
  readonly notes: readonly string[]
}

/** What a job has to do; JSON in its record. The keys are forgotten when it has ended. */
interface Params {
  readonly entity: string
  readonly keys: readonly string[]
  readonly report: ErasureReport
}

const NOTES = [
  "Cloudflare's own backups (D1 Time Travel, Durable Object point-in-time recovery) hold former states for 30 days",
  'Isolates may answer from their caches for 5 s, and KV for about 60 s',
]

/** Begins the erasure of keys (S11). Throws `not_found` for an unknown entity, `invalid_argument` for a bad key. */
export async function startErasure(platform: Platform, { entity: name, keys }: Erasure): Promise<string> {
  const { entity } = await resolveEntity(platform, name)
  const encoded = [...new Set(parseKeys(entity, keys))]
  const id = `erase-${platform.nextId()}`
  const now = platform.clock.now()
  const report = { entity: name, key_hashes: encoded.map(hashOf), removed: {}, notes: NOTES }
  const params: Params = { entity: name, keys: encoded, report }
  await platform.jobRecords.begin({
    id,
    kind: 'erase',
    subject: name,
    params: JSON.stringify(params),
    status: 'queued',
    done: 0,
    total: 0,
    error: null,
    startedTime: now,
    heartbeatTime: now,
  })
  await platform.jobs.start('erase', id)
  return id
}

/** The report of an erasure, from its job's record. */
export function erasureReport({ params }: Pick<JobRecord, 'params'>): ErasureReport {
  return (JSON.parse(params) as Params).report
}

/**
 * Removes every trace of some keys, the writers first: they log what waits, so that the logs hold all there is. Each step may be
 * cut off and done again; what it removed before that is then not counted.
 */
export async function eraseKeys(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  try {
    const total = (await runStep(steps, 'begin', () => begin(platform, id))) ?? 0
    let done = 0
    for (const [name, erase] of await planErasure(platform, id)) {
      await runStep(steps, name, async () => {
        const removed = await erase()
        await note(platform, id, { name: name.split(' ')[0]!, removed })
        await update(platform, id, { done: ++done, total })
        return null
      })
    }
    // A block is put at most once a second: by then those of the writers may be put again, without the keys.
    await steps.sleep('rest', PUT_REST_MS)
    await runStep(steps, 'publish', () => publishBlocks(platform, id))
    await runStep(steps, 'end', () => end(platform, id))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await update(platform, id, { status: 'failed', error: error.message })
  }
}

const PUT_REST_MS = 2_000

async function publishBlocks(platform: Platform, id: string): Promise<null> {
  const { entity: name, keys } = await readParams(platform, id)
  const snapshot = await readWritingSnapshot(platform)
  const { shardBits } = snapshot.entities[name]!
  for (const shard of new Set(keys.map((key) => topBits(hashKey(key).high, shardBits))))
    await platform.writers.flush(writerLayout(snapshot, name, shard), { cut: false })
  return null
}

async function begin(platform: Platform, id: string): Promise<number> {
  const { length } = await planErasure(platform, id)
  await update(platform, id, { status: 'running', error: null, done: 0, total: length })
  return length
}

type Step = readonly [name: string, erase: () => Promise<number>]

/** The steps, by names that stay the same while the erasure goes on. */
async function planErasure(platform: Platform, id: string): Promise<Step[]> {
  const { entity: name, keys } = await readParams(platform, id)
  const snapshot = await readWritingSnapshot(platform)
  const entity = snapshot.entities[name]
  if (entity === undefined)
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot erase keys: entity "${name}" was dropped meanwhile`,
    )
  const keysByShard = Map.groupBy(keys, (key) => topBits(hashKey(key).high, entity.shardBits))
  const writers = [...keysByShard].map(
    ([shard, own]): Step => [
      `writers ${shard}`,
      () => eraseFromWriter(platform, { snapshot, entity, shard }, own),
    ],
  )
  const views = await viewsOf(platform, name)
  const logs = (await logsOf(platform, name, views)).map(
    (log): Step => [`log ${log.view}@${log.version}`, () => eraseFromLog(platform, { entity, keys }, log)],
  )
  return [...writers, ['datasets', () => touchDatasets(platform, views)], ...logs]
}

/** What is to be erased was in what they were made from: none can be made again (S5). */
async function touchDatasets({ training }: Platform, views: readonly string[]): Promise<number> {
  await training.touch(views, 'rows that it was made from have been erased')
  return 0
}

/** Cuts of a writer before it has logged all that waited; more comes while it is busy. */
const CUTS_MAX = 20

async function eraseFromWriter(
  { writers }: Platform,
  {
    snapshot,
    entity,
    shard,
  }: { readonly snapshot: Snapshot; readonly entity: CompiledEntity; readonly shard: number },
  keys: readonly string[],
): Promise<number> {
  const layout = writerLayout(snapshot, entity.name, shard)
  for (let cut = 0; ; cut++) {
    await writers.flush(layout, { cut: true })
    const removed = await writers.eraseKeys(layout, keys)
    if (removed !== null) return removed
    if (cut === CUTS_MAX)
      throw new FeatureStoreError(
        'unavailable',
        `Cannot erase keys of "${entity.name}": rows keep coming to be logged`,
      )
  }
}

/** The logs of every version of the views, and that of the entity's tombstones. */
async function logsOf(platform: Platform, entity: string, views: readonly string[]): Promise<LogName[]> {
  const names = new Set([...views, tombstoneLog(entity).view])
  return (await platform.offline.listLogs()).filter(({ view }) => names.has(view))
}

/** Names of all views that the entity ever had. */
async function viewsOf(platform: Platform, entity: string): Promise<string[]> {
  const views = new Set<string>()
  for (const { generation } of await platform.registry.list()) {
    const { definitions } = (await platform.registry.read(generation))!
    for (const view of definitions.feature_views) if (view.entity === entity) views.add(view.name)
  }
  return [...views]
}

async function note(
  platform: Platform,
  id: string,
  { name, removed }: { readonly name: string; readonly removed: number },
): Promise<void> {
  const params = await readParams(platform, id)
  const before = params.report.removed[name] ?? 0
  const report = { ...params.report, removed: { ...params.report.removed, [name]: before + removed } }
  await update(platform, id, { params: JSON.stringify({ ...params, report }) })
}

async function end(platform: Platform, id: string): Promise<null> {
  const params = await readParams(platform, id)
  return update(platform, id, {
    status: 'succeeded',
    params: JSON.stringify({ ...params, keys: [] } satisfies Params),
  })
}

async function readParams(platform: Platform, id: string): Promise<Params> {
  return JSON.parse((await platform.jobRecords.find(id))!.params) as Params
}

async function update(platform: Platform, id: string, change: Partial<JobRecord>): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}

function hashOf(key: string): string {
  return hash128(key)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}
