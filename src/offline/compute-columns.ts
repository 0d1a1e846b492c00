import { type FeatureColumn, STATUS_CODES, valueAt } from '../core/feature-column.ts'
import { type ComputedValue, computedStatus, computeFeatures } from '../core/on-demand.ts'
import type { Value } from '../core/value.ts'
import { onDemandFeatures } from '../definitions/on-demand-transform.ts'
import type { CompiledOnDemand } from '../definitions/snapshot.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import type { LabelColumns } from './label-columns.ts'

/**
 * The service's features, of the columns of each of its entries: what is stored, and what is computed of it label by
 * label (S22), in their places.
 */
export function computeColumns(
  { snapshot, service }: ResolvedService,
  labels: LabelColumns,
  entries: readonly (readonly FeatureColumn[])[],
): FeatureColumn[] {
  const { onDemand } = service
  if (onDemand === null) return entries.flat()
  const features = onDemandFeatures(snapshot, onDemand)
  const count = labels.times.length
  const computed = features.map(({ type }) => ({
    type,
    values: new Array<Value>(count),
    statuses: new Uint8Array(count),
    // What is computed is of the label's own time.
    eventTimes: Float64Array.from(labels.times),
  }))
  for (let label = 0; label < count; label++) {
    const slots: ComputedValue[] = labels.inputs.map((values) => values[label]!)
    for (const { entry, feature } of onDemand.reads) slots.push(readAt(entries[entry]![feature]!, label))
    const first = slots.length
    computeFeatures(features, slots)
    for (const [at, { values, statuses }] of computed.entries()) {
      values[label] = slots[first + at] ?? null
      statuses[label] = STATUS_CODES[computedStatus(slots[first + at])]
    }
  }
  return onDemand.answer.flatMap((part) => answerPart(part, entries, computed))
}

function answerPart(
  part: CompiledOnDemand['answer'][number],
  entries: readonly (readonly FeatureColumn[])[],
  computed: readonly FeatureColumn[],
): readonly FeatureColumn[] {
  return part.kind === 'stored' ? entries[part.entry]! : part.features.map((at) => computed[at]!)
}

function readAt(column: FeatureColumn, label: number): ComputedValue {
  return column.statuses[label] === STATUS_CODES.error ? undefined : valueAt(column, label)
}
