import { FeatureStoreError } from '../core/error.ts'
import { groupName } from '../definitions/compile.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import {
  type BlockWidth,
  isPermanent,
  type JobRecord,
  type JobSteps,
  type Platform,
  runStep,
  type ShardWriters,
} from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { makeGeneration } from '../registry/make-generation.ts'
import { readCurrent } from '../registry/read-current.ts'
import { storeGeneration } from '../registry/store-generation.ts'

/** What a re-blocking is to do; JSON in its record. */
export interface Reblocking extends BlockWidth {
  readonly entity: string
  /** The width in force when it began; absent before. */
  readonly formerBits?: number
}

/** Polls of the writers before a job gives up for now; Cron starts it again. */
const POLLS_MAX = 500
const POLL_MS = 2_000
/** A job has to be heard of before two minutes are over: it sleeps no longer than this. */
const SLEEP_MS_MAX = 60_000

/**
 * Divides the blocks of a group, with reads going on throughout (S30). Every step may be cut off and done
 * again:
 *
 * ```
 *  fill ──> every writer puts all its blocks in the new width too, and keeps both up to date
 *  flip ──> a generation with the new width: readers follow the snapshot
 *  grace -> both widths are kept up for readers who know only the former one
 *  drop ──> writers delete the former blocks; a reader that still asks for one is answered by the writer
 * ```
 */
export async function reblockGroup(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const job = await find(platform, id)
  const wanted = JSON.parse(job.params) as Reblocking
  try {
    const formerBits = await runStep(steps, 'begin', () => begin(platform, job, wanted))
    if (formerBits === null) return
    await pollWriters(platform, steps, { job, wanted, name: 'fill', ask: platform.writers.addWidth })
    await runStep(steps, 'flip', () => flip(platform, wanted))
    for (let waitedMs = 0; waitedMs < platform.settings.reblockGraceMs; waitedMs += SLEEP_MS_MAX) {
      const ms = Math.min(SLEEP_MS_MAX, platform.settings.reblockGraceMs - waitedMs)
      await steps.sleep(`grace ${waitedMs}`, ms)
      await runStep(steps, `heartbeat ${waitedMs}`, () => update(platform, id, {}))
    }
    const former = { ...wanted, blockBits: formerBits }
    if (formerBits !== wanted.blockBits)
      await pollWriters(platform, steps, {
        job,
        wanted: former,
        name: 'drop',
        ask: platform.writers.dropWidth,
      })
    await runStep(steps, 'end', () => update(platform, id, { status: 'succeeded' }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await update(platform, id, { status: 'failed', error: error.message })
  }
}

/**
 * The width in force before; null when nothing is left to do. It is kept, for a second run may find the new
 * one in force.
 */
async function begin(platform: Platform, job: JobRecord, wanted: Reblocking): Promise<number | null> {
  if (job.status === 'succeeded') return null
  const { blockBits } = groupOf(await readWritingSnapshot(platform, {}), wanted)
  const formerBits = wanted.formerBits ?? blockBits
  const params = JSON.stringify({ ...wanted, formerBits })
  await update(platform, job.id, { status: 'running', error: null, params })
  return formerBits
}

interface Poll {
  readonly job: JobRecord
  readonly wanted: Reblocking
  readonly name: string
  readonly ask: ShardWriters['addWidth']
}

/** Asks all writers of the entity until none has anything left to do. */
async function pollWriters(
  platform: Platform,
  steps: JobSteps,
  { job, wanted, name, ask }: Poll,
): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    const left = await runStep(steps, `${name} ${poll}`, async () => {
      const snapshot = await readWritingSnapshot(platform, { entities: [wanted.entity] })
      const { shardBits } = snapshot.entities[wanted.entity]!
      let count = 0
      for (let shard = 0; shard < 2 ** shardBits; shard++)
        count += await ask(writerLayout(snapshot, wanted.entity, shard), {
          group: wanted.group,
          blockBits: wanted.blockBits,
        })
      const total = 2 ** wanted.blockBits
      await update(platform, job.id, { done: total - count, total })
      return count
    })
    if (left === 0) return
    await steps.sleep(`${name} sleep ${poll}`, POLL_MS)
  }
  throw new FeatureStoreError('unavailable', `The writers of entity "${wanted.entity}" do not come to an end`)
}

/** Makes the new width the one in force: a generation of its own, with the same definitions. */
async function flip(platform: Platform, wanted: Reblocking): Promise<null> {
  for (let attempt = 0; attempt < FLIP_ATTEMPTS_MAX; attempt++) {
    const newest = await readCurrent(platform)
    const { head } = newest
    const name = groupName(wanted.entity, wanted.group)
    if (head.generation === 0 || head.blockBits[name] === wanted.blockBits) return null
    const blockBits = { ...head.blockBits, [name]: wanted.blockBits }
    const next = { ...head, generation: head.generation + 1, blockBits }
    const made = await makeGeneration(platform, newest, { head: next })
    if (await storeGeneration(platform, made, { author: `re-blocking ${name}` })) return null
  }
  throw new FeatureStoreError('unavailable', 'Definitions are applied again and again')
}

const FLIP_ATTEMPTS_MAX = 5

function groupOf(snapshot: Snapshot, { entity, group }: Reblocking) {
  const found = snapshot.entities[entity]?.groups.find(({ name }) => name === group)
  if (found === undefined) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot re-block "${groupName(entity, group)}": definitions have no such group of blocks any more`,
    )
  }
  return found
}

async function find(platform: Platform, id: string): Promise<JobRecord> {
  const job = await platform.jobRecords.find(id)
  if (job === undefined)
    throw new FeatureStoreError('not_found', `Cannot find job "${id}": there is none of that id`)
  return job
}

async function update(platform: Platform, id: string, change: Partial<JobRecord>): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}
