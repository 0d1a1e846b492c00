import { type FeatureColumn, STATUS_CODES } from '../core/feature-column.ts'
import { rowStatus } from '../core/feature-status.ts'
import {
  createJoin,
  finishJoin,
  type HeldSlots,
  type LabelSlots,
  offerRows,
  type PointInTimeJoin,
  type StampColumns,
} from '../core/join.ts'
import type { Instant } from '../core/time.ts'
import type { ValueType } from '../core/value.ts'
import {
  copyValues,
  createVectorValues,
  takeValues,
  type VectorPool,
  type VectorValues,
} from '../core/vector.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import type { HistoryPins } from './label-columns.ts'
import { type LogPlatform, type LogRows, readLog } from './read-log.ts'

/** Labels of one view in one role, and the knowledge they are limited to. */
export interface ViewLabels extends HistoryPins {
  readonly slots: LabelSlots
  /** By label. */
  readonly times: ArrayLike<Instant>
  /** Positions of the view's features that are wanted. */
  readonly features: readonly number[]
  /** What the log's columns are read to, shared by views that are joined one after another. */
  readonly pool: VectorPool
}

/** The wanted features of the rows that hold a slot, by slot. */
interface SlotFeature {
  readonly type: ValueType
  /** Position among the view's columns. */
  readonly column: number
  readonly values: VectorValues
  readonly isNull: Uint8Array
}

/**
 * Joins one view's log with labels, point in time. Memory holds the labels and one row group: a feature is decoded only
 * where a row of its row group holds a slot, and only such rows' values are kept.
 */
export async function joinView(
  platform: LogPlatform,
  { snapshot, view }: { readonly snapshot: Snapshot; readonly view: CompiledView },
  labels: ViewLabels,
): Promise<FeatureColumn[]> {
  const { slots, asOf, commit, pool } = labels
  const join = createJoin(slots)
  /** By slot: 1 where a tombstone holds it (S10). */
  const isDeleted = new Uint8Array(slots.slotCount)
  const features = labels.features.map((column): SlotFeature => {
    const { type } = view.columns[column]!
    const values = createVectorValues(type, slots.slotCount)
    return { type, column, values, isNull: new Uint8Array(slots.slotCount) }
  })
  for await (const rows of readLog(platform, { snapshot, view, slots, span: view, asOf, commit, pool })) {
    const available = availableTimes(rows.stamps, labels.isKnowledgeCutoff)
    const held = offerRows(join, { keys: rows.keys, stamps: rows.stamps, available })
    for (const slot of held.slots) isDeleted[slot] = rows.isTombstones ? 1 : 0
    if (held.slots.length > 0 && !rows.isTombstones) await keepFeatures(features, rows, held)
  }
  return readAnswers(view, labels, { join, isDeleted, features })
}

/** By row: the earliest label time that may see it (S5). */
export function availableTimes(
  { eventTime, createdTime }: Pick<StampColumns, 'eventTime' | 'createdTime'>,
  isKnowledgeCutoff: boolean,
): Float64Array {
  return isKnowledgeCutoff ? eventTime.map((time, row) => Math.max(time, createdTime[row]!)) : eventTime
}

async function keepFeatures(features: readonly SlotFeature[], rows: LogRows, held: HeldSlots): Promise<void> {
  for (const { column, values, isNull } of features) {
    const found = await rows.readColumn(column)
    copyValues(found.values, held.rows, values, held.slots)
    for (let at = 0; at < held.slots.length; at++)
      isNull[held.slots[at]!] = found.nulls === undefined ? 0 : found.nulls[held.rows[at]!]!
  }
}

function readAnswers(
  view: CompiledView,
  { slots, times }: ViewLabels,
  {
    join,
    isDeleted,
    features,
  }: {
    readonly join: PointInTimeJoin
    readonly isDeleted: Uint8Array
    readonly features: readonly SlotFeature[]
  },
): FeatureColumn[] {
  const shown = finishJoin(join)
  const count = times.length
  /** By label: its answer's slot; 0 where there is none, for copying what nobody looks at. */
  const from = new Int32Array(count)
  const statuses = new Uint8Array(count)
  const eventTimes = new Float64Array(count).fill(Number.NaN)
  for (let label = 0; label < count; label++) {
    const slot = shown[slots.slotByLabel[label]!]!
    const isAbsent = slot < 0 || isDeleted[slot] === 1
    const eventTime = isAbsent ? Number.NaN : join.stamps.eventTime[slot]!
    const status = isAbsent ? 'missing' : rowStatus(view, eventTime, times[label]!)
    statuses[label] = STATUS_CODES[status]
    if (status !== 'missing') eventTimes[label] = eventTime
    if (status === 'present') from[label] = slot
  }
  return features.map(({ type, values, isNull }) => {
    const own = statuses.slice()
    for (let label = 0; label < count; label++)
      if (own[label] === STATUS_CODES.present && isNull[from[label]!] === 1) own[label] = STATUS_CODES.null
    return { type, values: takeValues(type, values, from), statuses: own, eventTimes }
  })
}
