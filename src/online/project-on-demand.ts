import type { AnswerPart, CompiledEntry, CompiledOnDemand, CompiledService } from '../definitions/snapshot.ts'
import { type TakenFeature, takeFeatures } from './take-features.ts'

/**
 * The service with only the features at these positions, in this order (S29). What is computed still finds all it
 * reads: entries that only expressions want stand behind those of the answer, and in no part of it.
 */
export function projectOnDemand(
  service: CompiledService,
  onDemand: CompiledOnDemand,
  positions: readonly number[],
): CompiledService {
  const runs = joinRuns(originsOf(service, onDemand), positions)
  const computed = runs.flatMap((run) => (run.kind === 'computed' ? run.features : []))
  const entries = runs.flatMap((run) => (run.kind === 'stored' ? takeFeatures(run.features) : []))
  const features = positions.map((position) => service.features[position]!)
  if (computed.length === 0) return { ...service, entries, features, onDemand: null }

  const needed = findNeeded(service, onDemand, computed)
  const read = needed.reads.map((at): TakenFeature => {
    const { entry, feature } = onDemand.reads[at]!
    return { entry: service.entries[entry]!, feature: service.entries[entry]!.features[feature]! }
  })
  const hidden = takeFeatures(read)
  const places = hidden.flatMap((entry, at) =>
    entry.features.map((_, feature) => ({ entry: entries.length + at, feature })),
  )
  const firstRead = service.inputs.length
  const firstComputed = firstRead + onDemand.reads.length
  const slots = new Map(
    [
      ...service.inputs.keys(),
      ...needed.reads.map((at) => firstRead + at),
      ...needed.computed.map((at) => firstComputed + at),
    ].map((slot, at) => [slot, at]),
  )
  return {
    ...service,
    entries: [...entries, ...hidden],
    features,
    onDemand: {
      reads: needed.reads.map((at, place) => ({ ...places[place]!, type: onDemand.reads[at]!.type })),
      features: needed.computed.map((at) => {
        const { inputs, ...computation } = onDemand.features[at]!
        return { ...computation, inputs: inputs.map((input) => ({ ...input, slot: slots.get(input.slot)! })) }
      }),
      answer: answerParts(runs, needed.computed),
    },
  }
}

/** Where a feature of a service comes from: an entry of what is stored, or the position of what is computed. */
type Origin =
  | { readonly kind: 'stored'; readonly taken: TakenFeature }
  | { readonly kind: 'computed'; readonly at: number }

function originsOf({ entries }: CompiledService, { answer }: CompiledOnDemand): Origin[] {
  return answer.flatMap((part): Origin[] => {
    if (part.kind === 'computed') return part.features.map((at) => ({ kind: 'computed', at }))
    const entry: CompiledEntry = entries[part.entry]!
    return entry.features.map((feature) => ({ kind: 'stored', taken: { entry, feature } }))
  })
}

/** Features wanted side by side that are of one kind. */
type Run =
  | { readonly kind: 'stored'; readonly features: TakenFeature[] }
  | { readonly kind: 'computed'; readonly features: number[] }

function joinRuns(origins: readonly Origin[], positions: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const position of positions) {
    const origin = origins[position]!
    const last = runs.at(-1)
    if (origin.kind === 'stored') {
      if (last?.kind === 'stored') last.features.push(origin.taken)
      else runs.push({ kind: 'stored', features: [origin.taken] })
    } else if (last?.kind === 'computed') last.features.push(origin.at)
    else runs.push({ kind: 'computed', features: [origin.at] })
  }
  return runs
}

/** Positions of the reads and computations behind what is wanted, rising. What is computed reads only what stands before it. */
function findNeeded(
  service: CompiledService,
  { reads, features }: CompiledOnDemand,
  wanted: readonly number[],
) {
  const firstRead = service.inputs.length
  const firstComputed = firstRead + reads.length
  const slots = new Set(wanted.map((at) => firstComputed + at))
  for (let at = features.length - 1; at >= 0; at--) {
    if (slots.has(firstComputed + at)) for (const { slot } of features[at]!.inputs) slots.add(slot)
  }
  return {
    reads: [...reads.keys()].filter((at) => slots.has(firstRead + at)),
    computed: [...features.keys()].filter((at) => slots.has(firstComputed + at)),
  }
}

function answerParts(runs: readonly Run[], computed: readonly number[]): AnswerPart[] {
  let entry = 0
  return runs.flatMap((run): AnswerPart[] => {
    if (run.kind === 'computed') {
      return [{ kind: 'computed', features: run.features.map((at) => computed.indexOf(at)) }]
    }
    return takeFeatures(run.features).map(() => ({ kind: 'stored', entry: entry++ }))
  })
}
