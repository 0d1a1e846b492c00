import { bitsText } from '../core/entity-key.ts'
import { decodeRows, encodeRow, isTombstone, type ViewRow } from '../core/row.ts'
import type { CompiledWindows } from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import type { BlockAddress } from '../platform.ts'
import { createLiveBlocks, type LiveBlocks } from './live-blocks.ts'
import { createPublications, type Publications } from './publications.ts'
import { createSeenIds, decodeSeen, type SeenIds } from './seen-ids.ts'
import type { WindowRules } from './window-state.ts'
import type { WriterPlatform } from './writer-platform.ts'
import { parseRecord, type WriterRecord, widthName } from './writer-record.ts'
import type { JournalEntry } from './writer-storage.ts'

/** All a writer holds in memory; every part of it can be made again from its storage. */
export interface WriterState {
  record: WriterRecord | undefined
  blocks: LiveBlocks
  readonly publications: Publications
  readonly seen: SeenIds
  /** Rows ahead of the clock (S4), merged when their time comes; by their lines. */
  readonly held: Map<string, ViewRow>
  /** Id of the newest journal entry. */
  lastEntry: number
  journalRows: number
  journalChars: number
  /** Characters of entries that no manifest names yet, and when the oldest came; null when there is none. */
  uncutChars: number
  uncutSinceMs: number | null
  /** Windows that have to be made anew from the log, by version and key. */
  readonly rebuilds: Map<string, { readonly view: string; readonly key: string }>
  rebuildFailures: number
  rebuildRetryMs: number
  /** By width, the blocks that a fill has marked and KV does not hold yet. */
  readonly filling: Map<string, Set<string>>
  /** Blocks that KV may hold under former versions of views (`WriterRecord.isShown`), and that wait to be put again. */
  showing: readonly BlockAddress[]
  /** Ranges whose checkpoint KV does not show yet. */
  readonly unpublished: Set<string>
  cutFailures: number
  cutRetryMs: number
  widthFailures: number
  widthRetryMs: number
}

/**
 * Makes a writer's memory from its storage: what it was before a restart, and what has to be done again. A `former` one is made
 * anew in place, at once or not at all: work that waits for a store goes on with it.
 */
export function openState(platform: WriterPlatform, former?: WriterState): WriterState {
  const { storage } = platform
  const text = storage.readRecord()
  const record = text === undefined ? undefined : parseRecord(text)
  let state: WriterState = {
    record,
    blocks: openBlocks(platform, record, () => state),
    publications: createPublications(),
    seen: createSeenIds(storage),
    held: new Map(),
    lastEntry: Math.max(storage.readMark('logged_through'), storage.readMark('published_through')),
    journalRows: 0,
    journalChars: 0,
    uncutChars: 0,
    uncutSinceMs: null,
    rebuilds: new Map(),
    rebuildFailures: 0,
    rebuildRetryMs: 0,
    filling: new Map(),
    showing: [],
    unpublished: new Set(),
    cutFailures: 0,
    cutRetryMs: 0,
    widthFailures: 0,
    widthRetryMs: 0,
  }
  try {
    if (record !== undefined) readStored(platform, state, record)
  } catch (error) {
    state.blocks.clear()
    throw error
  }
  former?.blocks.clear()
  if (former !== undefined) state = Object.assign(former, state)
  return state
}

function readStored(platform: WriterPlatform, state: WriterState, record: WriterRecord): void {
  const { storage, clock } = platform
  const nowMs = clock.now() / 1_000
  for (const { bits, isPublished } of storage.listCheckpoints()) {
    if (isPublished) continue
    state.unpublished.add(bits)
    markRange(state, bits, { dueMs: nowMs, entry: 0 })
  }
  const [logged, published] = [storage.readMark('logged_through'), storage.readMark('published_through')]
  for (const entry of storage.readJournal(0, Number.MAX_SAFE_INTEGER)) {
    enterJournal(state, entry, entry.id <= logged)
    for (const { hour, id } of decodeSeen(entry.seen)) state.seen.remember(hour, id)
    // What KV shows already is merged for what comes after it, and is not put again.
    const dueMsOf = entry.id <= published ? null : () => nowMs
    takeRows(state, decodeRows(entry.rows), { entry, dueMsOf })
  }
  if (!record.isShown) showAgain(platform, state)
}

/** Has all blocks put again: each names the versions it is complete for, and there are others now. */
export function showAgain({ storage, clock }: WriterPlatform, state: WriterState): void {
  const dueMs = clock.now() / 1_000
  const ranges = [...state.blocks.entries(), ...storage.listCheckpoints().map(({ bits }) => [bits] as const)]
  for (const [range] of ranges) markRange(state, range, { dueMs, entry: Number.POSITIVE_INFINITY })
  state.showing = state.publications.addresses()
}

/** Notes that KV shows the views of the record, once all blocks have been put that did not. */
export function settleShown(platform: WriterPlatform, state: WriterState): void {
  const record = state.record!
  if (record.isShown) return
  state.showing = state.showing.filter((address) => state.publications.has(address))
  if (state.showing.length === 0) keepRecord(platform, state, { ...record, isShown: true })
}

/** Replaces the record where no row has to move for it. */
export function keepRecord({ storage }: WriterPlatform, state: WriterState, record: WriterRecord): void {
  storage.writeRecord(JSON.stringify(record))
  takeUp(state, record)
}

/** What waits for blocks of a width that is dropped is not waited for any more: neither by puts nor by a fill that it may have again. */
function takeUp(state: WriterState, record: WriterRecord): void {
  state.record = record
  for (const width of record.widths) {
    if (width.state !== 'dropping') continue
    state.publications.drop(width.group, width.blockBits)
    state.filling.delete(widthName(width))
  }
}

function openBlocks(
  platform: WriterPlatform,
  record: WriterRecord | undefined,
  stateNow: () => WriterState,
): LiveBlocks {
  return createLiveBlocks(platform.memory, platform.storage, {
    rowBits: record?.rowBits ?? 1,
    shardBits: record?.layout.entity.shardBits ?? 0,
    isKept: (view) => isKept(stateNow(), view),
    rulesOf: (view) => windowRules(stateNow(), view),
    onRebuild: (view, key) => void stateNow().rebuilds.set(`${view}\t${key}`, { view, key }),
    clock: platform.clock,
  })
}

/**
 * Takes up another record. Where it has narrower ranges they are read from checkpoints, which have to hold
 * all rows.
 */
export function adoptRecord(platform: WriterPlatform, state: WriterState, record: WriterRecord): void {
  const isNarrower = record.rowBits > state.blocks.rowBits
  takeUp(state, record)
  if (!isNarrower) return
  state.blocks.clear()
  state.blocks = openBlocks(platform, record, () => state)
}

/** Whether rows of a version are kept: it is served, or will be once it is filled. */
export function isKept({ record }: WriterState, view: string): boolean {
  return record !== undefined && (groupOf(record, view) !== undefined || isUnfilled(record, view))
}

/** Whether rows of a version have yet to be brought by its fill. */
export function isUnfilled({ layout }: WriterRecord, view: string): boolean {
  return layout.entity.unfilled.includes(view)
}

const rulesByWindows = new WeakMap<CompiledWindows, WindowRules>()

/** How a version's windows are kept; undefined for one that serves its latest row. */
export function windowRules({ record }: WriterState, view: string): WindowRules | undefined {
  const windows = record?.layout.windows[view]
  if (windows === undefined) return undefined
  let rules = rulesByWindows.get(windows)
  if (rules === undefined) {
    const cellTypes = record!.layout.schemas[view]!.features.map(({ type }) => type)
    rules = { plan: windowPlan(windows), cellTypes, hasEventId: windows.hasEventId }
    rulesByWindows.set(windows, rules)
  }
  return rules
}

/** Counts an entry in. */
export function enterJournal(state: WriterState, entry: JournalEntry, isLogged = false): void {
  state.lastEntry = Math.max(state.lastEntry, entry.id)
  state.journalChars += entry.rows.length
  state.journalRows += countLines(entry.rows)
  if (isLogged || entry.kind === 'held' || entry.kind === 'released') return
  state.uncutChars += entry.rows.length
  state.uncutSinceMs ??= entry.timeMs
}

/**
 * Merges the rows of an entry, or holds them until their time comes: the same now and when the entry is read again.
 * `dueMsOf` a version or a tombstone: when what it has changed is to be put; null: KV shows it already.
 */
export function takeRows(
  state: WriterState,
  rows: readonly ViewRow[],
  {
    entry,
    dueMsOf,
  }: {
    readonly entry: Pick<JournalEntry, 'id' | 'kind' | 'timeMs'>
    readonly dueMsOf: ((view: string) => number) | null
  },
): void {
  const entryTime = Math.round(entry.timeMs * 1_000)
  const rangesByView = new Map<string, Set<string>>()
  for (const row of rows) {
    // What was held at a trim has not been merged, though its time may have come while the cut was waited for.
    if (row.eventTime > entryTime || entry.kind === 'held') {
      state.held.set(encodeRow(row), row)
      continue
    }
    if (entry.kind === 'released') state.held.delete(encodeRow(row))
    let ranges = rangesByView.get(row.view)
    if (ranges === undefined) {
      // A version no longer served stays in the log alone.
      if (!isTombstone(row.view) && !isKept(state, row.view)) continue
      ranges = new Set()
      rangesByView.set(row.view, ranges)
    }
    const changed = state.blocks.merge(row, entry)
    if (changed !== undefined) ranges.add(changed)
  }
  if (dueMsOf === null) return
  for (const [view, ranges] of rangesByView) {
    // No block shows it before it is filled.
    if (isUnfilled(state.record!, view)) continue
    const due = { dueMs: dueMsOf(view), entry: entry.id }
    for (const range of ranges) markRange(state, range, due, view)
  }
}

/**
 * Has every block that shows this range put again: of the view's group, or of all groups when no view is
 * named.
 */
export function markRange(
  state: WriterState,
  range: string,
  due: { readonly dueMs: number; readonly entry: number },
  view?: string,
): void {
  const record = state.record!
  const only = view === undefined || isTombstone(view) ? undefined : groupOf(record, view)
  for (const { group, blockBits, state: widthState } of record.widths) {
    if (widthState === 'dropping' || (only !== undefined && group !== only)) continue
    for (const bits of blocksShowing(range, blockBits)) state.publications.mark({ group, bits }, due)
  }
}

/** Whether any block that shows the range has yet to be put. */
export function isWaiting({ record, publications }: WriterState, range: string): boolean {
  return record!.widths.some(({ group, blockBits }) =>
    blocksShowing(range, blockBits).some((bits) => publications.has({ group, bits })),
  )
}

/** The blocks of a width that show rows of a range: one around it, or all within it. */
function blocksShowing(range: string, blockBits: number): string[] {
  const more = blockBits - range.length
  if (more <= 0) return [range.slice(0, blockBits)]
  return Array.from({ length: 2 ** more }, (_, at) => range + bitsText(at, more))
}

function groupOf({ layout }: WriterRecord, view: string): string | undefined {
  return layout.entity.groups.find(({ views }) => views.includes(view))?.name
}

function countLines(text: string): number {
  let count = text === '' ? 0 : 1
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
