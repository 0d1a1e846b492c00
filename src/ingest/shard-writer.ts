import { type BlockRow, encodeBlock } from '../core/block.ts'
import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { assert } from '../core/error.ts'
import { compareStamps, decodeRow, encodeRow, type ViewRow } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { blockKey } from '../definitions/block-key.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { Clock, Delivery, DeliveryAnswer, Log, OfflineLog, OnlineStore } from '../platform.ts'
import { planSegments } from './plan-segments.ts'
import type { JournalEntry, WriterStorage } from './writer-storage.ts'

/** What a writer speaks to: its own storage, the two stores it feeds, a clock. */
export interface WriterPlatform {
  readonly storage: WriterStorage
  readonly clock: Clock
  readonly online: Pick<OnlineStore, 'writeBlock'>
  readonly offline: Pick<OfflineLog, 'writeSegment' | 'register'>
  readonly log: Log
}

/** When a writer acts by itself. */
export interface WriterTimes {
  /** A journal older than this is cut into segments. */
  readonly cutAgeMs: number
  /** A journal longer than this is cut at once. */
  readonly cutCharsMax: number
  /** A load's rows wait this long for the load's end before they are published. */
  readonly loadPublishMs: number
  /** Message ids are remembered this long (S9). */
  readonly seenMs: number
}

export const WRITER_TIMES: WriterTimes = {
  cutAgeMs: 30_000,
  cutCharsMax: 8_000_000,
  loadPublishMs: 60_000,
  seenMs: 15 * 24 * 3_600_000,
}

/** Puts of one alarm; the rest waits for the next (an invocation has 1,000 operations). */
const PUTS_MAX = 900
const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 60_000
const HOUR_US = 3_600_000_000

/**
 * The single writer of one range of an entity's key hashes, and the only place where rows meet (S6, S7, S9).
 *
 * ```
 *  delivery ──one transaction──> seen ids, journal          then, in memory: blocks
 *  alarm    ── due blocks ─────> KV put, then checkpoint
 *           └─ old journal ────> frozen cut -> segments on R2 -> manifest -> journal deleted, one transaction
 * ```
 *
 * What is in the journal or in a checkpoint survives anything; what is only in memory can be made again from them.
 * Every effect outside is either absolute (a block) or create-if-absent (a segment), so a crash between any two
 * steps repeats the second and nothing shows.
 */
export interface ShardWriter {
  deliver(delivery: Delivery): DeliveryAnswer
  /** Texts of the blocks as they stand, whatever KV holds. */
  readBlocks(layout: WriterLayout, blocks: readonly number[]): string[]
  /** Lines of the rows of these view versions that no manifest names yet. */
  readWaiting(views: readonly string[]): string
  /** Publishes what is due and cuts what is old; all of it when forced. Never throws. */
  work(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void>
  /** When `work` should next be called (ms since the epoch); null when nothing waits. */
  nextWorkMs(): number | null
}

interface LiveBlock {
  readonly rowsByKey: Map<string, KeyRows>
  /** Counts merges, so that a put knows whether the block has changed under it. */
  changes: number
  /** When it should be put; null when KV holds it as it is. */
  dueMs: number | null
  failures: number
}

interface KeyRows {
  readonly hashLow: number
  /** Newest row by `view@version`. */
  readonly rows: Map<string, ViewRow>
}

interface WriterState {
  layout: WriterLayout | undefined
  readonly blocks: Map<number, LiveBlock>
  /** Rows ahead of the clock (S4), merged when their time comes. */
  held: ViewRow[]
  readonly seenByHour: Map<number, Set<string>>
  journalChars: number
  /** Oldest row of the journal (ms); null when it is empty. */
  journalSinceMs: number | null
  cutFailures: number
  cutRetryMs: number
}

export function createShardWriter(platform: WriterPlatform, times: WriterTimes = WRITER_TIMES): ShardWriter {
  const { storage, clock } = platform
  let state = emptyState()
  loadState()
  /** The run of `work` that is going on: puts and cuts never overlap. */
  let working: Promise<void> | undefined

  function deliver({ layout, kind, groups }: Delivery): DeliveryAnswer {
    const inForce = state.layout
    if (inForce !== undefined && layout.generation < inForce.generation) {
      return { status: 'stale', generation: inForce.generation }
    }
    const nowMs = clock.now() / 1_000
    try {
      const fresh = storage.transaction(() => {
        adopt(layout)
        const first = new Map(groups.map((group) => [group.id, group]))
        const unseen = [...first.values()].filter(({ id, time }) => !seenIds(time).has(id))
        if (unseen.length === 0) return []
        for (const [hour, sameHour] of Map.groupBy(unseen, ({ time }) => hourOf(time))) {
          storage.appendSeen(
            hour,
            sameHour.map(({ id }) => id),
          )
        }
        storage.appendJournal({ kind, timeMs: nowMs, rows: unseen.map(({ rows }) => rows).join('\n') })
        return unseen
      })
      const publishMs = kind === 'load' ? times.loadPublishMs : layout.entity.publishMs
      for (const { id, time, rows } of fresh) {
        seenIds(time).add(id)
        state.journalChars += rows.length
        for (const line of rows.split('\n')) merge(decodeRow(line), nowMs + publishMs)
      }
      if (fresh.length > 0) state.journalSinceMs ??= nowMs
    } catch (error) {
      // Memory may have run ahead of storage: storage is what counts.
      loadState()
      throw error
    }
    return { status: 'committed' }
  }

  function readBlocks(layout: WriterLayout, blocks: readonly number[]): string[] {
    if ((state.layout?.generation ?? -1) < layout.generation) storage.transaction(() => adopt(layout))
    const nowMs = clock.now() / 1_000
    return blocks.map((range) => {
      const block = liveBlock(range)
      // Whoever had to ask found nothing in KV: put it there, be it empty.
      block.dueMs ??= nowMs
      return blockText(block, nowMs)
    })
  }

  function readWaiting(views: readonly string[]): string {
    const wanted = new Set(views)
    return storage
      .readJournal()
      .filter(({ kind }) => kind === 'stream')
      .flatMap(({ rows }) => rows.split('\n'))
      .filter((line) => wanted.has(line.slice(0, line.indexOf('\t'))))
      .join('\n')
  }

  async function work(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void> {
    while (working !== undefined) await working
    working = workOnce(force).finally(() => {
      working = undefined
    })
    await working
  }

  async function workOnce(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void> {
    if (state.layout === undefined) return
    try {
      releaseHeld(clock.now())
      await publishDue(force.publish)
      const nowMs = clock.now() / 1_000
      if (force.cut || (cutDueMs() ?? Number.POSITIVE_INFINITY) <= nowMs) await cut(nowMs)
      storage.deleteSeen(hourOf((nowMs - times.seenMs) * 1_000))
    } catch (error) {
      platform.log.error('A shard writer could not finish its work; it tries again by itself', facts(error))
    }
  }

  async function publishDue(isForced: boolean): Promise<void> {
    const nowMs = clock.now() / 1_000
    const due = [...state.blocks]
      .filter(([, { dueMs }]) => dueMs !== null && (isForced || dueMs <= nowMs))
      .slice(0, PUTS_MAX)
    await Promise.all(due.map(([range, block]) => publish(range, block, nowMs)))
  }

  async function publish(range: number, block: LiveBlock, nowMs: number): Promise<void> {
    const { changes } = block
    const layout = state.layout!
    const rows = checkpointRows(block)
    try {
      await platform.online.writeBlock(blockKey(layout.entity, range), blockText(block, nowMs))
    } catch (error) {
      block.failures++
      block.dueMs = nowMs + Math.min(BACKOFF_MS_MIN * 2 ** block.failures, BACKOFF_MS_MAX)
      platform.log.error('A block could not be published; it is tried again', { range, ...facts(error) })
      return
    }
    block.failures = 0
    storage.writeCheckpoint(range, { rows, isPublished: true })
    // Rows that came during the put wait their turn: one put a second per key.
    block.dueMs = block.changes === changes ? null : clock.now() / 1_000 + layout.entity.publishMs
  }

  async function cut(nowMs: number): Promise<void> {
    const layout = state.layout!
    const frozen = storage.readCut() ?? freeze()
    if (frozen === undefined) return
    try {
      const entries = storage.readJournal().filter(({ id }) => id <= frozen.through)
      const lines = entries.filter(({ kind }) => kind === 'stream').flatMap(({ rows }) => rows.split('\n'))
      const shard = bitsText(layout.shard, layout.entity.shardBits)
      const name = `${layout.entity.name}-${shard}-${String(frozen.sequence).padStart(10, '0')}`
      const segments = planSegments(layout, name, lines.map(decodeRow))
      for (const { record, bytes } of segments) await platform.offline.writeSegment(record.path, bytes)
      await platform.offline.register(segments.map(({ record }) => record))
      finishCut(frozen.through)
      state.cutFailures = 0
    } catch (error) {
      state.cutFailures++
      state.cutRetryMs = nowMs + Math.min(BACKOFF_MS_MIN * 2 ** state.cutFailures, BACKOFF_MS_MAX)
      throw error
    }
  }

  /** Fixes what the next segments hold before anything is put, so that a repeated put repeats the same bytes. */
  function freeze() {
    const through = storage.readJournal().at(-1)?.id
    if (through === undefined) return undefined
    return storage.transaction(() => storage.writeCut(through))
  }

  /** The journal goes only when everything that was in it alone stands elsewhere: in checkpoints, or held again. */
  function finishCut(through: number): void {
    storage.transaction(() => {
      for (const [range, block] of state.blocks) {
        if (block.dueMs !== null)
          storage.writeCheckpoint(range, { rows: checkpointRows(block), isPublished: false })
      }
      storage.deleteCut(through)
      if (state.held.length > 0) {
        const rows = state.held.map(encodeRow).join('\n')
        storage.appendJournal({ kind: 'held', timeMs: clock.now() / 1_000, rows })
      }
    })
    measureJournal(state, storage.readJournal())
  }

  function nextWorkMs(): number | null {
    const times: number[] = []
    for (const { dueMs } of state.blocks.values()) if (dueMs !== null) times.push(dueMs)
    for (const { eventTime } of state.held) times.push(eventTime / 1_000)
    const cutMs = cutDueMs()
    if (cutMs !== null) times.push(cutMs)
    return times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b))
  }

  function cutDueMs(): number | null {
    if (storage.readCut() === undefined && state.journalSinceMs === null) return null
    const isLong = state.journalChars >= times.cutCharsMax
    const sinceMs = state.journalSinceMs ?? 0
    return Math.max(isLong ? sinceMs : sinceMs + times.cutAgeMs, state.cutRetryMs)
  }

  /** S6 in one place: the row replaces what the view holds for its key if it wins, and is dropped if it loses. */
  function merge(row: ViewRow, dueMs: number): void {
    if (row.eventTime > clock.now()) {
      state.held.push(row)
      return
    }
    if (!isServed(row.view)) return // an older version's row: its log is kept, nothing serves it
    const { high, low } = hashKey(row.key)
    const block = liveBlock(topBits(high, state.layout!.entity.blockBits))
    let held = block.rowsByKey.get(row.key)
    if (held === undefined) {
      held = { hashLow: low, rows: new Map() }
      block.rowsByKey.set(row.key, held)
    }
    const newest = held.rows.get(row.view)
    if (newest !== undefined && compareStamps(row, newest) <= 0) return
    held.rows.set(row.view, row)
    block.changes++
    block.dueMs = Math.min(block.dueMs ?? Number.POSITIVE_INFINITY, dueMs)
  }

  function releaseHeld(now: Instant): void {
    const due = state.held.filter(({ eventTime }) => eventTime <= now)
    if (due.length === 0) return
    state.held = state.held.filter(({ eventTime }) => eventTime > now)
    for (const row of due) merge(row, now / 1_000)
  }

  function liveBlock(range: number): LiveBlock {
    let block = state.blocks.get(range)
    if (block === undefined) {
      block = { rowsByKey: new Map(), changes: 0, dueMs: null, failures: 0 }
      state.blocks.set(range, block)
      const checkpoint = storage.readCheckpoint(range)
      if (checkpoint !== undefined) restore(block, checkpoint.rows)
      if (checkpoint?.isPublished === false) block.dueMs = clock.now() / 1_000
    }
    return block
  }

  function restore(block: LiveBlock, rows: string): void {
    for (const line of rows === '' ? [] : rows.split('\n')) {
      const row = decodeRow(line)
      if (!isServed(row.view)) continue
      const held = block.rowsByKey.get(row.key) ?? { hashLow: hashKey(row.key).low, rows: new Map() }
      held.rows.set(row.view, row)
      block.rowsByKey.set(row.key, held)
    }
  }

  /** Takes up a newer generation: what it no longer serves is forgotten, what it adds starts empty. */
  function adopt(layout: WriterLayout): void {
    const known = state.layout
    if (known !== undefined && known.generation >= layout.generation) return
    assert(
      known === undefined || known.entity.blockBits === layout.entity.blockBits,
      'blocks keep their number',
    )
    // The journal may still hold rows of versions that are gone: their columns are needed until it is cut.
    state.layout = { ...layout, schemas: { ...known?.schemas, ...layout.schemas } }
    storage.writeLayout(JSON.stringify(state.layout))
    if (known === undefined || known.entity.views.join() === layout.entity.views.join()) return
    const nowMs = clock.now() / 1_000
    for (const range of new Set([...state.blocks.keys(), ...storage.listCheckpoints()])) {
      const block = liveBlock(range)
      for (const { rows } of block.rowsByKey.values()) {
        for (const view of rows.keys()) if (!isServed(view)) rows.delete(view)
      }
      block.changes++
      block.dueMs ??= nowMs
    }
  }

  function isServed(view: string): boolean {
    return state.layout!.entity.views.includes(view)
  }

  function blockText(block: LiveBlock, nowMs: number): string {
    const { views } = state.layout!.entity
    const rows: BlockRow[] = []
    for (const [key, { hashLow, rows: rowsByView }] of block.rowsByKey) {
      rows.push({ key, hashLow, views: views.map((view) => rowsByView.get(view)) })
    }
    return encodeBlock(views, Math.floor(nowMs), rows)
  }

  function seenIds(time: Instant): Set<string> {
    const hour = hourOf(time)
    let ids = state.seenByHour.get(hour)
    if (ids === undefined) {
      ids = new Set(storage.readSeen(hour))
      // Hours other than the current one are asked for by stragglers only: a few are enough.
      if (state.seenByHour.size >= SEEN_HOURS_MAX) state.seenByHour.clear()
      state.seenByHour.set(hour, ids)
    }
    return ids
  }

  /** Makes everything in memory again from storage. */
  function loadState(): void {
    const text = storage.readLayout()
    state = { ...emptyState(), layout: text === undefined ? undefined : (JSON.parse(text) as WriterLayout) }
    for (const range of storage.listUnpublished()) liveBlock(range)
    const journal = storage.readJournal()
    measureJournal(state, journal)
    const nowMs = clock.now() / 1_000
    for (const { rows } of journal) for (const line of rows.split('\n')) merge(decodeRow(line), nowMs)
  }

  return { deliver, readBlocks, readWaiting, work, nextWorkMs }
}

const SEEN_HOURS_MAX = 8

function emptyState(): WriterState {
  return {
    layout: undefined,
    blocks: new Map(),
    held: [],
    seenByHour: new Map(),
    journalChars: 0,
    journalSinceMs: null,
    cutFailures: 0,
    cutRetryMs: 0,
  }
}

function checkpointRows(block: LiveBlock): string {
  const lines: string[] = []
  for (const { rows } of block.rowsByKey.values()) for (const row of rows.values()) lines.push(encodeRow(row))
  return lines.join('\n')
}

function measureJournal(state: WriterState, journal: readonly JournalEntry[]): void {
  state.journalChars = journal.reduce((sum, { rows }) => sum + rows.length, 0)
  state.journalSinceMs = journal.find(({ kind }) => kind !== 'held')?.timeMs ?? null
}

function hourOf(time: Instant): number {
  return Math.floor(time / HOUR_US)
}

function facts(error: unknown): { readonly reason: string } {
  return { reason: error instanceof Error ? error.message : String(error) }
}
