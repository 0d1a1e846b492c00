import type { Stamp, ViewRow } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type ValueType } from '../core/value.ts'
import {
  addEventId,
  createEventIds,
  decodeEventIds,
  dropOldEventIds,
  type EventIdentity,
  type EventIds,
  encodeEventIds,
  isKnownEvent,
} from '../core/window/event-ids.ts'
import { decodeTiles, encodeTiles } from '../core/window/tile-text.ts'
import { addEvent, createTiles, deleteThrough, dropOldTiles, type Tiles } from '../core/window/tiles.ts'
import { oldestCounted, type WindowPlan } from '../core/window/window-plan.ts'

/** The windows of one view for one key, in a writer's memory. */
export interface WindowState {
  readonly tiles: Tiles
  /** Ids of the events counted, where the source names them (S9). */
  readonly ids: EventIds
  /** Event time of the newest event ever counted. */
  newest: Instant
  /** Loads whose rows were counted from the log when the windows were made anew: the writers' share of them comes later. */
  readonly batches: Set<string>
  /** Newest event time of theirs that was counted: what was ahead of the clock then (S4) counts when it comes. */
  batchesThrough: Instant
  /**
   * Rows counted when the windows were made anew during the version's fill, by their sequences: its log has rows that come yet,
   * from the fill or from the stream, whichever is first. Undefined when there are none.
   */
  counted: EventIds | undefined
}

/** How the rows of a windowed view are counted. */
export interface WindowRules {
  readonly plan: WindowPlan
  /** Types of a row's cells: inputs, then the event id if there is one. */
  readonly cellTypes: readonly ValueType[]
  readonly hasEventId: boolean
}

export function createWindowState({ plan }: WindowRules): WindowState {
  return {
    tiles: createTiles(plan),
    ids: createEventIds(),
    newest: Number.NEGATIVE_INFINITY,
    batches: new Set(),
    batchesThrough: Number.NEGATIVE_INFINITY,
    counted: undefined,
  }
}

/** Counts an event; false when it changes nothing: it is too old for every window, or has been counted before. */
export function countEvent(rules: WindowRules, state: WindowState, row: ViewRow, now: Instant): boolean {
  const { plan, cellTypes, hasEventId } = rules
  if (row.eventTime < oldestCounted(plan, now)) return false
  const cells = splitCells(row.cells)
  const eventId = hasEventId ? cells.at(-1)! : 'null'
  const isRepeated =
    eventId !== 'null' && !addEventId(state.ids, { eventId, key: row.key, eventTime: row.eventTime })
  if (isRepeated) return false
  const inputs = cellTypes.map((type, at) => decodeValue(type, cells[at]!))
  addEvent(plan, state.tiles, { stamp: row, inputs })
  state.newest = Math.max(state.newest, row.eventTime)
  return true
}

/** Notes a row that has been counted and may be delivered yet. */
export function noteCounted(state: WindowState, row: ViewRow): void {
  state.counted ??= createEventIds()
  addEventId(state.counted, rowIdentity(row))
}

/** Whether a row that is delivered was counted before; `batch` is the load that brings it. */
export function wasCounted(
  { batches, batchesThrough, counted }: WindowState,
  row: ViewRow,
  batch: string | undefined,
): boolean {
  if (batch !== undefined && batches.has(batch) && row.eventTime <= batchesThrough) return true
  return counted !== undefined && isKnownEvent(counted, rowIdentity(row))
}

function rowIdentity(row: ViewRow): EventIdentity {
  return { eventId: sequenceText(row), key: row.key, eventTime: row.eventTime }
}

/** Tells a row from all others, through whichever door and however often it comes. */
export function sequenceText({ sequenceTime, sequenceOrigin, sequenceIndex }: Stamp): string {
  return `${sequenceTime} ${sequenceOrigin} ${sequenceIndex}`
}

/** Deletes what lies at or before an instant (S10). False when only the log can say what is left. */
export function deleteEvents({ tiles }: WindowState, through: Instant): boolean {
  return deleteThrough(tiles, through) === 'clean'
}

/** Drops what no window counts any more. */
export function dropOld({ plan }: WindowRules, { tiles, ids }: WindowState, now: Instant): void {
  dropOldTiles(plan, tiles, now)
  dropOldEventIds(ids, oldestCounted(plan, now))
}

/** Begins a line of a checkpoint that holds windows; no view's name does. */
export const WINDOWS = '#'

/** The windows as a line of a checkpoint, beside those of `encodeRow`. */
export function encodeWindowLine(
  { plan }: WindowRules,
  { view, key, state }: { readonly view: string; readonly key: string; readonly state: WindowState },
): string {
  const tiles = encodeTiles(plan, state.tiles)
  const batches = state.batches.size === 0 ? '' : [state.batchesThrough, ...state.batches].join(' ')
  const counted = state.counted === undefined ? [] : [encodeHours(state.counted)]
  return [WINDOWS, view, key, state.newest, tiles, encodeHours(state.ids), batches, ...counted].join('\t')
}

function encodeHours(ids: EventIds): string {
  return [...ids.digestsByHour.keys()].map((hour) => `${hour}:${encodeEventIds(ids, hour)}`).join(' ')
}

export function isWindowLine(line: string): boolean {
  return line.startsWith(WINDOWS)
}

/** The inverse of `encodeWindowLine`; undefined for a view that has no such windows any more. */
export function decodeWindowLine(
  line: string,
  rulesOf: (view: string) => WindowRules | undefined,
): { readonly view: string; readonly key: string; readonly state: WindowState } | undefined {
  const [, view, key, newest, tiles, hours, batches, counted] = line.split('\t') as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ]
  const rules = rulesOf(view)
  if (rules === undefined) return undefined
  const [through = '-Infinity', ...loads] = batches === '' ? [] : batches.split(' ')
  const state = {
    tiles: decodeTiles(rules.plan, tiles),
    ids: decodeHours(hours),
    newest: Number(newest),
    batches: new Set(loads),
    batchesThrough: Number(through),
    counted: counted === undefined ? undefined : decodeHours(counted),
  }
  return { view, key, state }
}

function decodeHours(text: string): EventIds {
  const ids = createEventIds()
  for (const hour of text === '' ? [] : text.split(' ')) {
    const colon = hour.indexOf(':')
    decodeEventIds(ids, Number(hour.slice(0, colon)), hour.slice(colon + 1))
  }
  return ids
}
