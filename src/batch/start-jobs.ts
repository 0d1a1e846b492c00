import { groupName } from '../definitions/compile.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import type { CompiledEntity } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { JobRecord, Platform, WriterReport } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { deedsText, eachApart } from './each-apart.ts'
import type { Reblocking } from './reblock-group.ts'

/** A job that has said nothing for this long was cut off. */
export const HEARTBEAT_MAX_US = 120_000_000

/** Writers woken at a time: each call waits for its answer, and six connections may be waiting. */
const WOKEN_AT_ONCE = 6

/** What Cron does: starts again what was cut off. Answers what it did. */
export async function resumeJobs(platform: Platform): Promise<string | undefined> {
  const restarted: string[] = []
  const silentBefore = platform.clock.now() - HEARTBEAT_MAX_US
  const unfinished = await platform.jobRecords.listUnfinished()
  const silent = unfinished.filter(({ heartbeatTime }) => heartbeatTime < silentBefore)
  const failed = await eachApart(platform, silent, {
    nameOf: ({ id }) => id,
    failure: 'A silent job could not be started again; it is tried again in a minute',
    async run({ id, kind }) {
      platform.log.info('A job has been silent and is started again', { job: id })
      await platform.jobs.restart(kind, id)
      restarted.push(id)
    },
  })
  return deedsText({ 'started again': restarted, 'not started again': failed })
}

/**
 * What Cron does: has every writer do what is due, should its own alarm have been lost, and starts dividing
 * blocks that have outgrown their size. Answers what it did beyond waking writers.
 */
export async function tendWriters(platform: Platform): Promise<string | undefined> {
  const deeds: string[] = []
  const { entities } = await readWritingSnapshot(platform, {})
  for (const { name } of Object.values(entities)) {
    // One entity's layout at a time: all of them may be large.
    const snapshot = await readWritingSnapshot(platform, { entities: [name] })
    const entity = snapshot.entities[name]
    if (entity === undefined || entity.groups.length === 0) continue
    const shards = Array.from({ length: 2 ** entity.shardBits }, (_, shard) => shard)
    const reports: WriterReport[] = []
    const failed = await eachApart(platform, shards, {
      nameOf: (shard) => `${entity.name}/${shard}`,
      failure: 'A shard writer could not be woken; it is tried again in a minute',
      atOnce: WOKEN_AT_ONCE,
      async run(shard) {
        reports.push(await platform.writers.wake(writerLayout(snapshot, entity.name, shard)))
      },
    })
    deeds.push(...failed.map((writer) => `writer ${writer} could not be woken`))
    const { settings, memory } = platform
    const bounds = { blockBytesMax: settings.blockBytesMax, cacheBytesMax: memory.blocks.bytesMax }
    for (const wanted of planReblocking(entity, reports, bounds))
      if (await startReblocking(platform, wanted))
        deeds.push(`re-blocking of ${wanted.entity}/${wanted.group}`)
  }
  return deeds.length === 0 ? undefined : deeds.join(', ')
}

/** What Cron does: has every writer of raw rows cut what is old, should its own alarm have been lost. */
export async function wakeRawWriters(platform: Platform): Promise<string | undefined> {
  const snapshot = await readWritingSnapshot(platform, { onlySources: 'all' })
  const layouts = Object.values(snapshot.sources).flatMap((source) => rawLayouts(snapshot, source))
  const failed = await eachApart(platform, layouts, {
    nameOf: ({ source, shard }) => `${source}/${shard}`,
    failure: 'A writer of raw rows could not be woken; it is tried again in a minute',
    atOnce: WOKEN_AT_ONCE,
    run: (layout) => platform.rawWriters.wake(layout),
  })
  return deedsText({ 'writers of raw rows that could not be woken': failed })
}

/** Most bits of a hash that choose a block. */
const BLOCK_BITS_MAX = 20

export interface BlockBounds {
  readonly blockBytesMax: number
  /** Bytes of blocks that an isolate can hold. */
  readonly cacheBytesMax: number
}

/**
 * Bytes that blocks of a group may have on average, by the bytes of all of them. Where an isolate holds all blocks, large
 * ones are fewer to put and to read. Of more than it can hold each read serves one row, and the cache
 * keeps twice as many rows that are asked for in blocks half as large.
 */
export function meanBytesMax(groupBytes: number, { blockBytesMax, cacheBytesMax }: BlockBounds): number {
  return groupBytes > cacheBytesMax ? blockBytesMax / 2 : blockBytesMax
}

/** The groups whose blocks are too large on average, each with the bits that bring them to three quarters of what they may have. */
export function planReblocking(
  entity: Pick<CompiledEntity, 'name' | 'groups'>,
  reports: readonly WriterReport[],
  bounds: BlockBounds,
): Reblocking[] {
  return entity.groups.flatMap(({ name, blockBits }) => {
    const sizes = reports.map(({ blockBytes }) => blockBytes[name]).filter((bytes) => bytes !== undefined)
    const mean = sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length
    const bytesMax = meanBytesMax(mean * 2 ** blockBits, bounds)
    if (!(mean > bytesMax) || blockBits >= BLOCK_BITS_MAX) return []
    const more = Math.ceil(Math.log2(mean / (bytesMax * 0.75)))
    return [{ entity: entity.name, group: name, blockBits: Math.min(blockBits + more, BLOCK_BITS_MAX) }]
  })
}

/** A job that failed for good is not begun again before. */
const FAILED_REST_US = 3_600_000_000

/** False when it is going on, or rests after a failure. */
async function startReblocking(platform: Platform, wanted: Reblocking): Promise<boolean> {
  const subject = groupName(wanted.entity, wanted.group)
  const unfinished = await platform.jobRecords.listUnfinished()
  if (unfinished.some((job) => job.kind === 'reblock' && job.subject === subject)) return false
  const now = platform.clock.now()
  const job: JobRecord = {
    id: `reblock-${wanted.entity}-${wanted.group}-${wanted.blockBits}`,
    kind: 'reblock',
    subject,
    params: JSON.stringify(wanted),
    status: 'queued',
    done: 0,
    total: 0,
    error: null,
    startedTime: now,
    heartbeatTime: now,
  }
  const begun = await platform.jobRecords.begin(job)
  if (begun.status === 'failed' && now - begun.heartbeatTime < FAILED_REST_US) return false
  platform.log.info('Blocks have outgrown their size and are divided', { ...wanted })
  // One that has ended is run again: the width it was to make is not in force.
  if (begun.status === 'failed' || begun.status === 'succeeded') await platform.jobRecords.update(job.id, job)
  await platform.jobs.start('reblock', job.id)
  return true
}
