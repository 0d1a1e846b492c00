import type { FeatureStatus } from '../core/feature-status.ts'
import { type ComputedValue, computedStatus, computeFeatures, encodeComputed } from '../core/on-demand.ts'
import { decodeValue, type Value } from '../core/value.ts'
import { onDemandFeatures } from '../definitions/on-demand-transform.ts'
import type { CompiledOnDemand, Snapshot } from '../definitions/snapshot.ts'
import type { ViewAnswers } from './join-view.ts'

interface JoinedLabels {
  /** Values of the service's inputs, label by label. */
  readonly inputs: readonly (readonly Value[])[]
  /** Of each of the service's entries. */
  readonly answers: readonly ViewAnswers[]
}

/** Answers of the views, with those that are computed of them, label by label, in their places (S22). */
export function computeColumns(
  snapshot: Snapshot,
  onDemand: CompiledOnDemand,
  { inputs, answers }: JoinedLabels,
): ViewAnswers[] {
  const features = onDemandFeatures(snapshot, onDemand)
  const values = features.map(() => [] as string[])
  const statuses = features.map(() => [] as FeatureStatus[])
  for (const [label, given] of inputs.entries()) {
    const slots: ComputedValue[] = [...given, ...decodeReads(onDemand, answers, label)]
    const first = slots.length
    computeFeatures(features, slots)
    for (const [at, { type }] of features.entries()) {
      values[at]!.push(encodeComputed(type, slots[first + at]))
      statuses[at]!.push(computedStatus(slots[first + at]))
    }
  }
  return onDemand.answer.map((part) => {
    if (part.kind === 'stored') return answers[part.entry]!
    return {
      values: part.features.map((at) => values[at]!),
      statuses: part.features.map((at) => statuses[at]!),
    }
  })
}

function decodeReads(
  { reads }: CompiledOnDemand,
  answers: readonly ViewAnswers[],
  label: number,
): ComputedValue[] {
  return reads.map(({ entry, feature, type }) => {
    const { values, statuses } = answers[entry]!
    if (statuses[feature]![label] === 'error') return undefined
    return decodeValue(type, values[feature]![label]!)
  })
}
