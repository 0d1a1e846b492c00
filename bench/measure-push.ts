import { setTimeout as sleep } from 'node:timers/promises'
import { pushEvents } from '../src/ingest/push-events.ts'
import { applyClicks } from '../test/platform/clicks.ts'
import { memoryPlatform } from '../test/platform/memory-platform.ts'
import { type BenchRequest, createLoopClient, type LoopClient } from './closed-loop.ts'
import type { Comparison } from './comparison.ts'
import { createProfile, profileDefinitions } from './profiles.ts'
import {
  type BaselineWorker,
  chunkUsers,
  FEATURE_COUNT,
  profileEvents,
  type StoreWorker,
  startBaseline,
  startStore,
} from './serving-workers.ts'

const PUSH_ROWS = 2_000
/** A deployed store cuts every 30 s: this has the cuts fall into the measurement. */
const SEGMENT_AGE_MS = 1_000
const DONE_MS_MAX = 120_000

export interface PushOptions {
  /** Entities of the store; every round pushes a row of each. */
  readonly entityCount: number
  /** After one that is not counted; the median counts. */
  readonly rounds: number
}

interface Round {
  readonly ourMs: number
  /** Until the last row is committed by its writer, in no block or segment yet. */
  readonly committedMs: number
  /** Until the last row can be read, its segment not yet cut. */
  readonly readableMs: number
  readonly puts: number
  readonly baselineMs: number
  /** The baseline packs the events into as few messages as will hold them. */
  readonly packedMs: number
  /** The messages that the store's door makes of them, given to the baseline's queue ready-made. */
  readonly readyMs: number
  /** A Worker that does nothing else makes as many puts, as large. */
  readonly putsOnlyMs: number
}

/**
 * A full refresh by push: from the first push sent until the last row is readable by Get and lies in a segment on R2,
 * against a Worker that is sent the same pushes, makes a queue message of each event and only acknowledges them. The
 * facts beside it:
 *
 * - `baseline_packed_…`: the baseline packs the events into messages as large as the store's.
 * - `baseline_ready_made_…`: the store's own messages are given to the baseline's queue. The queue alone, without a door.
 * - `puts`: as the writers make them. A block is put once a `publish` while rows come for it, so they are the fewer the
 *   sooner all rows are through. What a refresh by file takes is `measure-refresh.ts`.
 * - `puts_only_ms`: a bare Worker makes as many puts, as large. Miniflare's KV takes processor time for each, in the one
 *   thread that all Workers and stores of the simulator share; a deployed store only waits for them.
 * - `committed_…`, `readable_…`: up to the writers' commit, and up to the last put.
 */
export async function measurePush({ entityCount, rounds }: PushOptions): Promise<Comparison> {
  const client = createLoopClient()
  const [store, baseline] = await Promise.all([
    startStore({ isRecorded: true, variables: { SEGMENT_AGE_MS: String(SEGMENT_AGE_MS) } }),
    startBaseline(),
  ])
  try {
    await store.apply(client)
    const measured: Round[] = []
    for (let round = 0; round <= rounds; round++)
      measured.push(await measureRound(client, { store, baseline }, { entityCount, round }))
    const counted = measured.slice(1)
    const middle = (read: (round: Round) => number) =>
      counted.map(read).sort((a, b) => a - b)[counted.length >>> 1]!
    const eventsPerSecond = (ms: number) => (entityCount * 1_000) / ms
    return {
      name: 'push',
      ours: eventsPerSecond(middle(({ ourMs }) => ourMs)),
      baseline: eventsPerSecond(middle(({ baselineMs }) => baselineMs)),
      unit: 'events/s',
      facts: {
        committed_events_per_second: eventsPerSecond(middle(({ committedMs }) => committedMs)),
        readable_events_per_second: eventsPerSecond(middle(({ readableMs }) => readableMs)),
        baseline_packed_events_per_second: eventsPerSecond(middle(({ packedMs }) => packedMs)),
        baseline_ready_made_events_per_second: eventsPerSecond(middle(({ readyMs }) => readyMs)),
        puts: middle(({ puts }) => puts),
        puts_only_ms: middle(({ putsOnlyMs }) => putsOnlyMs),
      },
    }
  } finally {
    client.close()
    await store.close()
    await baseline.close()
  }
}

async function measureRound(
  client: LoopClient,
  { store, baseline }: { readonly store: StoreWorker; readonly baseline: BaselineWorker },
  { entityCount, round }: { readonly entityCount: number; readonly round: number },
): Promise<Round> {
  const entities = Array.from({ length: entityCount }, (_, user) =>
    createProfile(user + round * entityCount, FEATURE_COUNT),
  )
  const pushes = chunkUsers(entityCount, PUSH_ROWS)
  const valuesOf = (user: number) => entities[user]!
  const requests = pushes.map((users) => store.push(users, valuesOf))
  const messages = await Promise.all(pushes.map((users) => doorMessages(users, entities)))
  // Making them kept this process from hearing that idle connections were closed.
  await sleep(100)
  const acks = (requests: readonly BenchRequest[]) => measureAcks(client, baseline, requests)
  const baselineMs = await acks(pushes.map((users) => baseline.push(users, valuesOf)))
  const packedMs = await acks(pushes.map((users) => baseline.pushPacked(users, valuesOf)))
  const readyMs = await acks(messages.map(baseline.sendMessages))

  const before = await store.readRecord(client)
  const startMs = Date.now()
  await client.run(iterate(requests))
  const done = await until(
    () => store.readRecord(client),
    (record) => record.segmentRows === before.segmentRows + entityCount,
  )
  await store.untilVisible(client, entities)
  const after = await store.readRecord(client)
  const puts = after.putCount - before.putCount
  const chars = Math.round((after.putChars - before.putChars) / puts)
  const putsStartMs = Date.now()
  await client.send(baseline.putTextsInside({ count: puts, chars }))
  const putsOnlyMs = Date.now() - putsStartMs
  return {
    ourMs: Math.max(after.putMs, done.segmentMs!) - startMs,
    committedMs: after.committedMs - startMs,
    readableMs: after.putMs - startMs,
    puts,
    baselineMs,
    packedMs,
    readyMs,
    putsOnlyMs,
  }
}

/** Milliseconds from the first request until the baseline has acknowledged all messages that they make. */
async function measureAcks(
  client: LoopClient,
  baseline: BaselineWorker,
  requests: readonly BenchRequest[],
): Promise<number> {
  const startMs = Date.now()
  await client.run(iterate(requests))
  const acked = await until(
    () => baseline.readRecord(client),
    ({ sentCount, ackedCount }) => ackedCount === sentCount,
  )
  return acked.ackedMs - startMs
}

/** The bodies that the door puts into the queue for a push of these users. */
async function doorMessages(
  users: readonly number[],
  entities: readonly (readonly number[])[],
): Promise<string[]> {
  const platform = memoryPlatform(Date.now() * 1_000)
  await applyClicks(platform, profileDefinitions(FEATURE_COUNT))
  const events = profileEvents(users, (user) => entities[user]!)
  await pushEvents(platform, { source: 'profiles', events })
  return platform.queue
}

/** Asks from time to time until the answer is as wanted: seldom enough that asking slows nothing. */
async function until<T>(read: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T> {
  const endMs = Date.now() + DONE_MS_MAX
  for (;;) {
    const answer = await read()
    if (isDone(answer)) return answer
    if (Date.now() > endMs) throw new Error(`Cannot measure pushes: they stay at ${JSON.stringify(answer)}`)
    await sleep(250)
  }
}

function iterate(requests: readonly BenchRequest[]): () => BenchRequest | undefined {
  let at = 0
  return () => requests[at++]
}
