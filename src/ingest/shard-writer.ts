import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { assert } from '../core/error.ts'
import { encodeRow, type ViewRow } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { blockKey } from '../definitions/block-key.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { Delivery, DeliveryAnswer } from '../platform.ts'
import {
  createLiveBlock,
  decodeRows,
  encodeCheckpoint,
  encodeLiveBlock,
  keepViews,
  type LiveBlock,
  mergeRow,
} from './live-block.ts'
import { planSegments } from './plan-segments.ts'
import { createSeenIds, hourOf } from './seen-ids.ts'
import { WRITER_TIMES, type WriterPlatform, type WriterTimes } from './writer-platform.ts'
import { backoffMs, emptyState, measureJournal } from './writer-state.ts'

/** Puts of one alarm; the rest waits for the next (an invocation has 1,000 operations). */
const PUTS_MAX = 900
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

export function createShardWriter(platform: WriterPlatform, times: WriterTimes = WRITER_TIMES): ShardWriter {
  const { storage, clock } = platform
  let state = emptyState()
  let seen = createSeenIds(storage)
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
        const unseen = [...first.values()].filter(({ id, time }) => !seen.has(time, id))
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
        seen.remember(time, id)
        state.journalChars += rows.length
        for (const row of decodeRows(rows)) merge(row, nowMs + publishMs)
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
      return encodeLiveBlock(block, state.layout!.entity.views, nowMs)
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
    const rows = encodeCheckpoint(block)
    try {
      await platform.online.writeBlock(
        blockKey(layout.entity, range),
        encodeLiveBlock(block, layout.entity.views, nowMs),
      )
    } catch (error) {
      block.failures++
      block.dueMs = nowMs + backoffMs(block.failures)
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
      const rows = entries.filter(({ kind }) => kind === 'stream').flatMap((entry) => decodeRows(entry.rows))
      const shard = bitsText(layout.shard, layout.entity.shardBits)
      const name = `${layout.entity.name}-${shard}-${String(frozen.sequence).padStart(10, '0')}`
      const segments = planSegments(layout, name, rows)
      for (const { record, bytes } of segments) await platform.offline.writeSegment(record.path, bytes)
      await platform.offline.register(segments.map(({ record }) => record))
      finishCut(frozen.through)
      state.cutFailures = 0
    } catch (error) {
      state.cutFailures++
      state.cutRetryMs = nowMs + backoffMs(state.cutFailures)
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
          storage.writeCheckpoint(range, { rows: encodeCheckpoint(block), isPublished: false })
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

  /** Merges a row, or holds it until its time comes; a version no longer served stays in the log alone. */
  function merge(row: ViewRow, dueMs: number): void {
    if (row.eventTime > clock.now()) {
      state.held.push(row)
      return
    }
    if (!isServed(row.view)) return
    const { high, low } = hashKey(row.key)
    const block = liveBlock(topBits(high, state.layout!.entity.blockBits))
    if (mergeRow(block, row, low)) block.dueMs = Math.min(block.dueMs ?? Number.POSITIVE_INFINITY, dueMs)
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
      block = createLiveBlock()
      state.blocks.set(range, block)
      const checkpoint = storage.readCheckpoint(range)
      for (const row of decodeRows(checkpoint?.rows ?? '')) {
        if (isServed(row.view)) mergeRow(block, row, hashKey(row.key).low)
      }
      if (checkpoint?.isPublished === false) block.dueMs = clock.now() / 1_000
    }
    return block
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
      keepViews(block, layout.entity.views)
      block.dueMs ??= nowMs
    }
  }

  function isServed(view: string): boolean {
    return state.layout!.entity.views.includes(view)
  }

  /** Makes everything in memory again from storage. */
  function loadState(): void {
    const text = storage.readLayout()
    state = { ...emptyState(), layout: text === undefined ? undefined : (JSON.parse(text) as WriterLayout) }
    seen = createSeenIds(storage)
    for (const range of storage.listUnpublished()) liveBlock(range)
    const journal = storage.readJournal()
    measureJournal(state, journal)
    const nowMs = clock.now() / 1_000
    for (const { rows } of journal) for (const row of decodeRows(rows)) merge(row, nowMs)
  }

  return { deliver, readBlocks, readWaiting, work, nextWorkMs }
}

function facts(error: unknown): { readonly reason: string } {
  return { reason: error instanceof Error ? error.message : String(error) }
}
