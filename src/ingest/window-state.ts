import type { ViewRow } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type ValueType } from '../core/value.ts'
import {
  addEventId,
  createEventIds,
  decodeEventIds,
  dropOldEventIds,
  type EventIds,
  encodeEventIds,
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
  /**
   * Loads whose rows were counted from the log when the windows were made anew, and `FILL` if those of the view's fill were: the
   * writers' share of them comes later.
   */
  readonly batches: Set<string>
}

/** Stands for a version's fill: it has only one. No load's id is like it. */
export const FILL = 'fill'

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
  const hours = [...state.ids.digestsByHour.keys()].map(
    (hour) => `${hour}:${encodeEventIds(state.ids, hour)}`,
  )
  const batches = [...state.batches].join(' ')
  return [WINDOWS, view, key, state.newest, encodeTiles(plan, state.tiles), hours.join(' '), batches].join(
    '\t',
  )
}

export function isWindowLine(line: string): boolean {
  return line.startsWith(WINDOWS)
}

/** The inverse of `encodeWindowLine`; undefined for a view that has no such windows any more. */
export function decodeWindowLine(
  line: string,
  rulesOf: (view: string) => WindowRules | undefined,
): { readonly view: string; readonly key: string; readonly state: WindowState } | undefined {
  const [, view, key, newest, tiles, hours, batches] = line.split('\t') as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const rules = rulesOf(view)
  if (rules === undefined) return undefined
  const ids = createEventIds()
  for (const hour of hours === '' ? [] : hours.split(' ')) {
    const colon = hour.indexOf(':')
    decodeEventIds(ids, Number(hour.slice(0, colon)), hour.slice(colon + 1))
  }
  const counted = new Set(batches === '' ? [] : batches.split(' '))
  const state = { tiles: decodeTiles(rules.plan, tiles), ids, newest: Number(newest), batches: counted }
  return { view, key, state }
}
