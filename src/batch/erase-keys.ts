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
import { type Erased, type ErasedKeys, type ErasedPlace, readErasedKeys } from '../registry/erased-keys.ts'
import { resolveEntity } from '../registry/resolve-name.ts'
import { eraseFromLog } from './erase-from-log.ts'
import { eraseQuarantine } from './erase-quarantine.ts'
import { eraseQuotations } from './erase-quotations.ts'
import { findUnfinishedRows } from './find-unfinished.ts'

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

/** Where keys are erased that other folders know of; in this order, after all else. */
export type Elsewhere = readonly ErasedPlace[]

/**
 * Removes every trace of some keys, once what was on its way has come, and the writers first: they log what waits, so that the
 * logs hold all there is. Each step may be cut off and done again; what it removed before that is then not counted.
 */
export async function eraseKeys(
  platform: Platform,
  id: string,
  { steps, elsewhere }: { readonly steps: JobSteps; readonly elsewhere: Elsewhere },
): Promise<void> {
  const runPlace = (step: string, { name, erase }: ErasedPlace) =>
    runStep(steps, step, async () => {
      const params = await readParams(platform, id)
      await note(platform, id, { name, ...(await erase(platform, await readErasedKeys(platform, params))) })
      return null
    })
  try {
    await runStep(steps, 'begin', () => update(platform, id, { status: 'running', error: null }))
    const { startedTime } = (await platform.jobRecords.find(id))!
    await waitUntilEnded(platform, { id, steps, name: 'rows' }, async () => {
      const { sources } = await readErasedKeys(platform, await readParams(platform, id))
      return findUnfinishedRows(platform, { sources, time: startedTime })
    })
    for (const [step, place] of await planStores(platform, id)) await runPlace(step, place)
    // By then blocks may be put again, without the keys, and what has failed for the last time is among the dead letters.
    await steps.sleep('rest', REST_MS)
    for (const place of [...ROWS_KEPT, ...elsewhere]) {
      const { findUnfinished } = place
      if (findUnfinished !== undefined) {
        const time = platform.clock.now()
        await waitUntilEnded(platform, { id, steps, name: place.name }, () => findUnfinished(platform, time))
      }
      await runPlace(place.name, place)
    }
    await runStep(steps, 'publish', () => publishBlocks(platform, id))
    await runStep(steps, 'end', () => end(platform, id, { status: 'succeeded' }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await end(platform, id, { status: 'failed', error: error.message })
  }
}

const REST_MS = 6_000

/** Rows kept beside the stores. */
const ROWS_KEPT: readonly ErasedPlace[] = [
  { name: 'loads', erase: eraseKept },
  { name: 'quarantine', erase: eraseQuarantine },
  { name: 'quotations', erase: eraseQuotations },
]

/** What loads that did not end well have left; those that did have left nothing. */
async function eraseKept({ loads }: Platform, { sources }: ErasedKeys): Promise<Erased> {
  for (const source of sources) {
    for (const { id, status } of await loads.list(source))
      if (status === 'failed' || status === 'cancelled') await loads.deleteKept(id)
  }
  return { removed: 0, notes: [] }
}

/** Waits of one erasure for what is under way: ten hours. */
const WAITS_MAX = 600
const WAIT_MS_MAX = 60_000

async function waitUntilEnded(
  platform: Platform,
  { id, steps, name }: { readonly id: string; readonly steps: JobSteps; readonly name: string },
  findUnfinished: () => Promise<string | undefined>,
): Promise<void> {
  for (let wait = 0; ; wait++) {
    const isBusy = await runStep(steps, `${name} ${wait}`, async () => {
      const unfinished = await findUnfinished()
      await update(platform, id, {})
      if (unfinished !== undefined && wait === WAITS_MAX)
        throw new FeatureStoreError(
          'failed_precondition',
          `Cannot erase keys: ${unfinished}, end it and erase again`,
        )
      return unfinished !== undefined
    })
    if (!isBusy) return
    await steps.sleep(`${name} rest ${wait}`, Math.min(1_000 * 2 ** wait, WAIT_MS_MAX))
  }
}

async function publishBlocks(platform: Platform, id: string): Promise<null> {
  const { entity: name, keys } = await readParams(platform, id)
  const snapshot = await readWritingSnapshot(platform)
  const { shardBits } = snapshot.entities[name]!
  for (const shard of new Set(keys.map((key) => topBits(hashKey(key).high, shardBits))))
    await platform.writers.flush(writerLayout(snapshot, name, shard), { cut: false })
  return null
}

/** Writers and logs, by names of steps that stay the same while the erasure goes on. */
async function planStores(platform: Platform, id: string): Promise<[step: string, place: ErasedPlace][]> {
  const { entity: name, keys } = await readParams(platform, id)
  const snapshot = await readWritingSnapshot(platform)
  const entity = snapshot.entities[name]
  if (entity === undefined)
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot erase keys: entity "${name}" was dropped meanwhile`,
    )
  const place = (called: string, erase: () => Promise<number>): ErasedPlace => ({
    name: called,
    erase: async () => ({ removed: await erase(), notes: [] }),
  })
  const keysByShard = Map.groupBy(keys, (key) => topBits(hashKey(key).high, entity.shardBits))
  const writers = [...keysByShard].map(([shard, own]): [string, ErasedPlace] => [
    `writers ${shard}`,
    place('writers', () => eraseFromWriter(platform, { snapshot, entity, shard }, own)),
  ])
  const erased = await readErasedKeys(platform, { entity: name, keys })
  const touch = place('datasets', () => touchDatasets(platform, [...erased.views]))
  const logs = (await logsOf(platform, erased)).map((log): [string, ErasedPlace] => [
    `log ${log.view}@${log.version}`,
    place('log', () => eraseFromLog(platform, { entity, keys }, log)),
  ])
  return [...writers, ['touch', touch], ...logs]
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
async function logsOf(platform: Platform, { entity, views }: ErasedKeys): Promise<LogName[]> {
  const names = new Set([...views, tombstoneLog(entity).view])
  return (await platform.offline.listLogs()).filter(({ view }) => names.has(view))
}

/** Adds to the report what one place held. */
async function note(
  platform: Platform,
  id: string,
  { name, removed, notes }: Erased & { readonly name: string },
): Promise<void> {
  const { report, ...params } = await readParams(platform, id)
  const before = report.removed[name] ?? 0
  const next: ErasureReport = {
    ...report,
    removed: { ...report.removed, [name]: before + removed },
    notes: [...new Set([...report.notes, ...notes])],
  }
  await update(platform, id, { params: JSON.stringify({ ...params, report: next } satisfies Params) })
}

/** What has ended, well or not, knows the keys no longer. */
async function end(
  platform: Platform,
  id: string,
  outcome: Pick<JobRecord, 'status'> & Partial<Pick<JobRecord, 'error'>>,
): Promise<null> {
  const params = await readParams(platform, id)
  return update(platform, id, {
    ...outcome,
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
