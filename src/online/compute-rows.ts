import {
  type ComputedValue,
  computedStatus,
  computeFeatures,
  encodeComputed,
  type OnDemandFeature,
} from '../core/on-demand.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'
import { onDemandFeatures } from '../definitions/on-demand-transform.ts'
import type { CompiledOnDemand, ServingSnapshot } from '../definitions/snapshot.ts'
import type { FeatureRow, FeatureRows } from './read-features.ts'

interface RowsRead {
  /** Values of the service's inputs, row by row. */
  readonly inputs: readonly (readonly Value[])[]
  readonly read: Pick<FeatureRows, 'rows' | 'time'>
}

/** Rows as they were read, with the features that are computed of them in their places. */
export function computeRows(
  snapshot: ServingSnapshot,
  onDemand: CompiledOnDemand,
  { inputs, read }: RowsRead,
): FeatureRow[] {
  const features = onDemandFeatures(snapshot, onDemand)
  return read.rows.map((row, at) => {
    const slots: ComputedValue[] = [...inputs[at]!, ...decodeReads(onDemand, row)]
    const first = slots.length
    computeFeatures(features, slots)
    return answerRow(onDemand, row, { features, computed: slots.slice(first), time: read.time })
  })
}

/** Decodes what expressions read and nothing else: the rest of a row stays the text it is. */
function decodeReads({ reads }: CompiledOnDemand, { values, statuses }: FeatureRow): ComputedValue[] {
  let cut = -1
  let cells: readonly string[] = []
  let errors: readonly boolean[] | undefined
  return reads.map(({ entry, feature, type }) => {
    if (entry !== cut) {
      cut = entry
      cells = splitCells(values[entry]!)
      errors = findErrors(statuses[entry]!)
    }
    return errors?.[feature] ? undefined : decodeValue(type, cells[feature]!)
  })
}

/** Which features of an entry have status `error`; undefined, as mostly, when none has. */
function findErrors(statuses: string): readonly boolean[] | undefined {
  return statuses.includes('"error"') ? statuses.split(',').map((status) => status === '"error"') : undefined
}

interface ComputedRow {
  readonly features: readonly OnDemandFeature[]
  readonly computed: readonly ComputedValue[]
  /** Of the request: the event time of whatever is computed for it. */
  readonly time: Instant
}

function answerRow(
  { answer }: CompiledOnDemand,
  row: FeatureRow,
  { features, computed, time }: ComputedRow,
): FeatureRow {
  return {
    values: answer.map((part) =>
      part.kind === 'stored'
        ? row.values[part.entry]!
        : part.features.map((at) => encodeComputed(features[at]!.type, computed[at])).join(),
    ),
    statuses: answer.map((part) =>
      part.kind === 'stored'
        ? row.statuses[part.entry]!
        : part.features.map((at) => `"${computedStatus(computed[at])}"`).join(),
    ),
    eventTimes: answer.map((part) => (part.kind === 'stored' ? row.eventTimes[part.entry]! : time)),
  }
}
