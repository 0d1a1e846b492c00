import { FeatureStoreError } from '../core/error.ts'
import { decodeRows } from '../core/row.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import type {
  BlockAddress,
  BlockRepair,
  BlockWidth,
  Delivery,
  DeliveryAnswer,
  FlushReport,
  WriterReport,
} from '../platform.ts'
import { appendRows } from './append-rows.ts'
import { checkpointBlocks } from './checkpoint-blocks.ts'
import { cutDueMs, cutJournal, trimJournal } from './cut-journal.ts'
import { eraseKeys } from './erase-keys.ts'
import { measureBlocks } from './measure-blocks.ts'
import { blockText, publishBlocks } from './publish-blocks.ts'
import { rebuildDueMs, rebuildWindows } from './rebuild-windows.ts'
import { encodeSeen, hourOf } from './seen-ids.ts'
import { addWidth, dropWidth, tendWidths, widthsDueMs } from './tend-widths.ts'
import { watchStorage } from './watched-storage.ts'
import { WRITER_LIMITS, type WriterLimits, type WriterPlatform } from './writer-platform.ts'
import { adoptLayout, findWidth, keptViews, viewsOf } from './writer-record.ts'
import { adoptRecord, openState, showAgain, takeRows } from './writer-state.ts'

/**
 * The single writer of one range of an entity's key hashes, and the only place where rows meet (S6, S7, S9,
 * S10).
 *
 * ```
 *  delivery ─ one row ───────> journal: rows and ids seen    then, in memory: blocks
 *  alarm    ┬ due blocks ────> KV puts, then a mark how far KV has come
 *           ├ old journal ───> frozen cut -> segments on R2 -> manifest -> a mark how far the log has come
 *           ├ long journal ──> checkpoints of changed blocks, logged entries deleted: one transaction
 *           └ widths ────────> blocks of dropped widths deleted
 * ```
 *
 * What is in the journal or in a checkpoint survives anything; what is only in memory can be made again from
 * them. Every effect outside is either absolute (a block) or create-if-absent (a segment), so a crash between
 * any two steps repeats the second and nothing shows.
 */
export interface ShardWriter {
  /** Throws `unavailable` while too much waits to be cut. */
  deliver(delivery: Delivery): DeliveryAnswer
  /** Texts of the blocks as they stand, whatever KV holds. */
  readBlocks(
    layout: WriterLayout,
    blocks: readonly BlockAddress[],
    options: { readonly repair: BlockRepair },
  ): string[]
  /** Lines of the rows of these view versions and tombstone ids that no manifest names yet. */
  readWaiting(views: readonly string[]): string
  /** Publishes what is due, cuts what is old and goes on with widths; all of it when forced. Never throws. */
  work(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void>
  /** How far the manifest has come with what was committed. */
  reportJournal(): FlushReport
  /** When `work` should next be called (ms since the epoch); null when nothing waits. */
  nextWorkMs(): number | null
  /** Measures a few blocks of each group as they would be put now. */
  measureBlocks(): WriterReport
  /** Answers how many of the keys it held; null, and nothing done, while rows have yet to be logged. */
  eraseKeys(layout: WriterLayout, keys: readonly string[]): number | null
  /** Takes up a generation and publishes; answers how many blocks still wait. */
  announce(layout: WriterLayout): Promise<number>
  /** Answers how many blocks of the width have yet to be put. */
  addWidth(layout: WriterLayout, width: BlockWidth): number
  /** Answers how many blocks of the width have yet to be deleted. */
  dropWidth(layout: WriterLayout, width: BlockWidth): number
}

export function createShardWriter(ports: WriterPlatform, limits: WriterLimits = WRITER_LIMITS): ShardWriter {
  const { storage, change, mend } = watchStorage(ports, () => void openState(platform, state))
  const platform: WriterPlatform = { ...ports, storage }
  const { clock } = platform
  const state = openState(platform)
  /** The run of `work` that is going on: puts and cuts never overlap. */
  let working: Promise<void> | undefined

  function deliver({ layout, kind, groups }: Delivery): DeliveryAnswer {
    mend()
    const inForce = state.record?.layout.generation ?? 0
    if (layout.generation < inForce) return { status: 'stale', generation: inForce }
    if (state.uncutChars > limits.uncutCharsMax) {
      throw new FeatureStoreError(
        'unavailable',
        `Cannot take a delivery for entity "${layout.entity.name}": ${state.uncutChars} characters wait to be logged, at most ${limits.uncutCharsMax} may`,
      )
    }
    return change(() => {
      adopt(layout)
      const groupById = new Map(groups.map((group) => [group.id, group]))
      const fresh = [...groupById.values()].filter(({ id, time }) => !state.seen.has(hourOf(time), id))
      if (fresh.length === 0) return { status: 'committed' }
      const nowMs = clock.now() / 1_000
      const [seen, rows] = [encodeSeen(fresh), fresh.map((group) => group.rows).join('\n')]
      const entries = appendRows(platform, state, { kind, timeMs: nowMs, seen, rows })
      for (const { id, time } of fresh) state.seen.remember(hourOf(time), id)
      const dueMsOf = (view: string) =>
        nowMs + (kind !== 'stream' ? limits.loadPublishMs : publishMsOf(layout, view))
      for (const entry of entries) takeRows(state, decodeRows(entry.rows), { entry, dueMsOf })
      if (platform.memory.bytes > platform.memory.bytesMax) checkpointBlocks(platform, state)
      return { status: 'committed' }
    })
  }

  function readBlocks(
    layout: WriterLayout,
    blocks: readonly BlockAddress[],
    { repair }: { readonly repair: BlockRepair },
  ): string[] {
    return change(() => {
      adopt(layout)
      // What has come due since the last alarm is history by now, and has to be read.
      releaseHeld()
      const nowMs = clock.now() / 1_000
      return blocks.map((address) => {
        const width = findWidth(state.record!, { group: address.group, blockBits: address.bits.length })
        // Whoever had to ask found nothing in KV that could be served: put it there, be it empty.
        if (repair !== 'none' && width !== undefined && width.state !== 'dropping')
          state.publications.repair(address, { nowMs, isDamaged: repair === 'damaged' })
        state.publications.forgetShown(address)
        return blockText(state, address, clock.now())
      })
    })
  }

  function readWaiting(views: readonly string[]): string {
    const wanted = new Set(views)
    return storage
      .readJournal(storage.readMark('logged_through'), Number.MAX_SAFE_INTEGER)
      .filter(({ kind }) => kind === 'stream')
      .flatMap(({ rows }) => rows.split('\n'))
      .filter((line) => wanted.has(line.slice(0, line.indexOf('\t'))))
      .join('\n')
  }

  function reportJournal(): FlushReport {
    const logged = storage.readMark('logged_through')
    const oldest = storage.listJournal().find(({ id, kind }) => id > logged && kind === 'stream')
    return { newest: state.lastEntry, oldestUncut: oldest?.id ?? null }
  }

  async function work(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void> {
    while (working !== undefined) await working
    working = workOnce(force).finally(() => {
      working = undefined
    })
    await working
  }

  async function workOnce(force: { readonly publish: boolean; readonly cut: boolean }): Promise<void> {
    // One fault keeps nothing else from being done; what failed is due again later.
    const duties: readonly (() => Promise<void> | void)[] = [
      () => change(releaseHeld),
      () => publishBlocks(platform, state, { isForced: force.publish, countMax: limits.putsMax }),
      async () => {
        const dueMs = cutDueMs(platform, state, limits)
        const isDue = dueMs !== null && (force.cut || dueMs <= clock.now() / 1_000)
        if (isDue) await cutJournal(platform, state, limits)
      },
      () => rebuildWindows(platform, state),
      () => trimJournal(platform, state, limits),
      () => tendWidths(platform, state),
      () => {
        if (platform.memory.bytes > platform.memory.bytesMax) checkpointBlocks(platform, state)
      },
    ]
    for (const duty of duties) {
      try {
        mend()
        if (state.record !== undefined) await duty()
      } catch (error) {
        platform.log.error('A shard writer could not finish its work; it tries again by itself', {
          reason: error instanceof Error ? error.message : String(error),
        })
      }
    }
  }

  function releaseHeld(): void {
    const now = clock.now()
    const due = [...state.held].filter(([, { eventTime }]) => eventTime <= now)
    if (due.length === 0) return
    const [timeMs, rows] = [now / 1_000, due.map(([line]) => line).join('\n')]
    const entries = appendRows(platform, state, { kind: 'released', timeMs, seen: '', rows })
    for (const entry of entries) takeRows(state, decodeRows(entry.rows), { entry, dueMsOf: () => timeMs })
  }

  function nextWorkMs(): number | null {
    mend()
    if (state.record === undefined) return null
    const times = [...state.held.values()].map(({ eventTime }) => eventTime / 1_000)
    for (const ms of [
      state.publications.nextMs(),
      cutDueMs(platform, state, limits),
      widthsDueMs(state),
      rebuildDueMs(state),
    ])
      if (ms !== null) times.push(ms)
    return times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b))
  }

  /** Takes up a newer generation: what it no longer keeps is forgotten, what it adds starts empty. */
  function adopt(layout: WriterLayout): void {
    const before = state.record
    if (before !== undefined && before.layout.generation >= layout.generation) return
    const record = adoptLayout(before, layout, versionsToLog())
    const write = () => storage.writeRecord(JSON.stringify(record))
    // Narrower ranges find what wider ones held in checkpoints alone.
    if (record.rowBits > state.blocks.rowBits && before !== undefined)
      checkpointBlocks(platform, state, write)
    else write()
    adoptRecord(platform, state, record)
    if (before === undefined) return
    const kept = keptViews(record)
    if (keptViews(before).join() !== kept.join()) state.blocks.keepViews(new Set(kept))
    if (viewsOf(before) !== viewsOf(record)) showAgain(platform, state)
  }

  function publishMsOf({ entity }: WriterLayout, view: string): number {
    const group = entity.groups.find(({ views }) => views.includes(view))
    return (
      group?.publishMs ?? Math.min(...entity.groups.map(({ publishMs }) => publishMs), limits.loadPublishMs)
    )
  }

  /** Versions whose rows the journal holds and no manifest names yet. */
  function versionsToLog(): Set<string> {
    if (state.uncutChars === 0) return new Set()
    const entries = storage.readJournal(storage.readMark('logged_through'), Number.MAX_SAFE_INTEGER)
    return new Set(entries.flatMap(({ rows }) => decodeRows(rows).map(({ view }) => view)))
  }

  async function announce(layout: WriterLayout): Promise<number> {
    change(() => adopt(layout))
    await work({ publish: true, cut: false })
    return state.publications.count()
  }

  return {
    deliver,
    announce,
    readBlocks,
    readWaiting,
    reportJournal,
    work,
    nextWorkMs,
    measureBlocks: () => measureBlocks(state, clock.now()),
    eraseKeys: (layout, keys) =>
      change(() => {
        adopt(layout)
        return eraseKeys(platform, state, { keys, limits })
      }),
    addWidth: (layout, width) =>
      change(() => {
        adopt(layout)
        return addWidth(platform, state, width)
      }),
    dropWidth: (layout, width) =>
      change(() => {
        adopt(layout)
        return dropWidth(platform, state, width)
      }),
  }
}
