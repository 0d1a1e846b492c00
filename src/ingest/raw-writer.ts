import { bitsText } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { RawLayout } from '../definitions/raw-layout.ts'
import type { DeliveryAnswer, RawDelivery } from '../platform.ts'
import { freezeCut } from './cut-journal.ts'
import { planRawSegments } from './plan-raw-segments.ts'
import { backoffMs } from './publications.ts'
import { createSeenIds, decodeSeen, encodeSeen, hourOf, type SeenIds } from './seen-ids.ts'
import { watchStorage } from './watched-storage.ts'
import { WRITER_LIMITS, type WriterLimits, type WriterPlatform } from './writer-platform.ts'
import type { WriterStorage } from './writer-storage.ts'

/**
 * A writer of a source's raw rows: takes each message's accepted rows once, as they came, and cuts them into segments. It is a journal and
 * nothing else: no blocks, nothing in KV. What is in the journal survives anything; a cut is frozen before it is put, so that a repeated
 * put repeats the same bytes.
 */
export interface RawWriter {
  /** Throws `unavailable` while too much waits to be cut. */
  deliver(delivery: RawDelivery): DeliveryAnswer
  /** Groups (`encodeRawGroup`) that no manifest names yet. */
  readWaiting(): string
  /** Refuses older generations from now on, and cuts what has come until now. Throws what the stores throw. */
  cut(layout: RawLayout): Promise<void>
  /** Cuts what is old. Never throws. */
  work(): Promise<void>
  /** When `work` should next be called (ms since the epoch); null when nothing waits. */
  nextWorkMs(): number | null
}

export type RawPlatform = Pick<WriterPlatform, 'storage' | 'clock' | 'offline' | 'log'>

/** What the writer knows of itself; stored as JSON in the place of a shard writer's record. */
export interface RawRecord {
  readonly raw: RawLayout
}

export function createRawWriter(platform: RawPlatform, limits: WriterLimits = WRITER_LIMITS): RawWriter {
  const { clock, offline } = platform
  const { storage, change, mend } = watchStorage(platform, open)
  let record: RawRecord | undefined
  let seen: SeenIds
  let waiting: Waiting
  open()
  let working: Promise<void> = Promise.resolve()
  let failures = 0
  let retryMs = 0

  function open(): void {
    record = readRawRecord(storage.readRecord())
    seen = openSeen(storage)
    waiting = measureJournal(storage)
  }

  function deliver({ layout, groups }: RawDelivery): DeliveryAnswer {
    mend()
    const inForce = record?.raw.generation ?? 0
    if (layout.generation < inForce) return { status: 'stale', generation: inForce }
    if (waiting.chars > limits.uncutCharsMax) {
      throw new FeatureStoreError(
        'unavailable',
        `Cannot take rows of source "${layout.source}": more than ${limits.uncutCharsMax} characters wait to be logged`,
      )
    }
    return change(() => {
      adopt(layout)
      const groupById = new Map(groups.map((group) => [group.id, group]))
      const fresh = [...groupById.values()].filter(({ id, time }) => !seen.has(hourOf(time), id))
      if (fresh.length === 0) return { status: 'committed' }
      const timeMs = clock.now() / 1_000
      const rows = fresh.map(({ rows }) => rows).join('\n')
      const id = waiting.lastId + 1
      storage.appendJournal({ id, kind: 'stream', timeMs, seen: encodeSeen(fresh), rows })
      waiting = {
        lastId: id,
        chars: waiting.chars + rows.length,
        sinceMs: waiting.sinceMs ?? timeMs,
      }
      for (const { id, time } of fresh) seen.remember(hourOf(time), id)
      return { status: 'committed' }
    })
  }

  function adopt(layout: RawLayout): void {
    if (record !== undefined && record.raw.generation >= layout.generation) return
    record = { raw: layout }
    storage.writeRecord(JSON.stringify(record))
  }

  function readWaiting(): string {
    return storage
      .readJournal(storage.readMark('logged_through'), Number.MAX_SAFE_INTEGER)
      .map(({ rows }) => rows)
      .join('\n')
  }

  /** Cuts never overlap: each waits for the one before it. */
  function cutNext(): Promise<void> {
    working = working.catch(() => {}).then(cutOnce)
    return working
  }

  async function cutOnce(): Promise<void> {
    mend()
    const through = storage.readMark('cut_through') || freezeCut({ storage }, limits)
    if (through === 0 || record === undefined) return
    const { source, shard, shardBits } = record.raw
    const sequence = String(storage.readMark('cut_sequence')).padStart(10, '0')
    const name = [source, bitsText(shard, shardBits), sequence].join('-')
    const entries = storage.readJournal(storage.readMark('logged_through'), through)
    const segments = planRawSegments(source, name, entries.map(({ rows }) => rows).join('\n'))
    for (const { record: segment, bytes } of segments) await offline.writeSegment(segment.path, bytes)
    await offline.register(segments.map((segment) => segment.record))
    change(() => {
      storage.transaction(() => {
        seen.settle()
        storage.writeMark('logged_through', through)
        storage.writeMark('cut_through', 0)
        storage.deleteJournal(through)
        storage.deleteSeen(hourOf(clock.now() - limits.seenMs * 1_000))
      })
      seen.forgetRecent()
      waiting = measureJournal(storage)
      // What came while the segments were put is settled twice, which shows nowhere; it has yet to be settled with its entry gone.
      for (const entry of storage.readJournal(through, Number.MAX_SAFE_INTEGER))
        rememberSeen(seen, entry.seen)
    })
  }

  function nextWorkMs(): number | null {
    mend()
    const { sinceMs, chars } = waiting
    if (sinceMs === null) return null
    const isDue = storage.readMark('cut_through') > 0 || chars >= limits.cutCharsMax
    return Math.max(isDue ? sinceMs : sinceMs + limits.cutAgeMs * RAW_AGE_FACTOR, retryMs)
  }

  return {
    deliver,
    readWaiting,
    nextWorkMs,
    async cut(layout) {
      change(() => adopt(layout))
      // What comes meanwhile is left to others: a source that never rests would be cut for ever.
      const { lastId } = waiting
      while (storage.readMark('logged_through') < lastId) await cutNext()
    },
    async work() {
      if ((nextWorkMs() ?? Number.POSITIVE_INFINITY) > clock.now() / 1_000) return
      try {
        await cutNext()
        failures = 0
      } catch (error) {
        failures++
        retryMs = clock.now() / 1_000 + backoffMs(failures)
        platform.log.error('Raw rows could not be logged; they are tried again by themselves', {
          reason: String(error),
        })
      }
    },
  }
}

/** Nobody waits for raw rows: whoever wants them has them cut. The longer they wait, the fewer segments there are. */
const RAW_AGE_FACTOR = 10

/** The record of a writer of raw rows; undefined where there is none, or a shard writer's. */
export function readRawRecord(text: string | undefined): RawRecord | undefined {
  const record = text === undefined ? undefined : (JSON.parse(text) as Partial<RawRecord>)
  return record?.raw === undefined ? undefined : { raw: record.raw }
}

/** What waits to be cut. */
interface Waiting {
  /** Of the newest entry there ever was. */
  readonly lastId: number
  readonly chars: number
  /** When the oldest came; null when none waits. */
  readonly sinceMs: number | null
}

function measureJournal(storage: WriterStorage): Waiting {
  const entries = storage.listJournal()
  return {
    lastId: entries.at(-1)?.id ?? storage.readMark('logged_through'),
    chars: entries.reduce((sum, entry) => sum + entry.chars, 0),
    sinceMs: entries[0]?.timeMs ?? null,
  }
}

function openSeen(storage: WriterStorage): SeenIds {
  const seen = createSeenIds(storage)
  for (const entry of storage.readJournal(0, Number.MAX_SAFE_INTEGER)) rememberSeen(seen, entry.seen)
  return seen
}

function rememberSeen(seen: SeenIds, text: string): void {
  for (const { hour, id } of decodeSeen(text)) seen.remember(hour, id)
}
