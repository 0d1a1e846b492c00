import { FEATURE_STATUSES, type FeatureStatus } from './feature-status.ts'
import type { Value, ValueType } from './value.ts'

/** One feature of many labels, column by column: no object a label. */
export interface FeatureColumn {
  readonly type: ValueType
  /** By label; meaningless where the status is not `present`. */
  readonly values: ArrayLike<Value>
  /** By label: position in `FEATURE_STATUSES`. */
  readonly statuses: Uint8Array
  /** By label: event time of the row the value is from, or of the newest one counted; NaN where there is none. */
  readonly eventTimes: Float64Array
}

/** Where each status stands in `FeatureColumn.statuses`. */
export const STATUS_CODES = Object.fromEntries(
  FEATURE_STATUSES.map((status, code) => [status, code]),
) as Readonly<Record<FeatureStatus, number>>

export function statusAt(column: FeatureColumn, label: number): FeatureStatus {
  return FEATURE_STATUSES[column.statuses[label]!]!
}

/** The value of one label; null unless it is `present`. */
export function valueAt(column: FeatureColumn, label: number): Value {
  return column.statuses[label] === STATUS_CODES.present ? column.values[label]! : null
}
