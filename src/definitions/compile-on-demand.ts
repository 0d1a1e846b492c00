import type { NamedType } from '../core/segment.ts'
import { checkExpression } from '../core/sql/check-expression.ts'
import { expressionColumns } from '../core/sql/typed-expression.ts'
import type { FeatureService, ServiceEntry } from './feature-service.ts'
import type { OnDemandView } from './on-demand-view.ts'
import type {
  AnswerPart,
  CompiledComputation,
  CompiledOnDemandView,
  CompiledRead,
  CompiledService,
} from './snapshot.ts'

export function compileOnDemandView({ name, inputs, features }: OnDemandView): CompiledOnDemandView {
  return {
    name,
    inputs: inputs.map((input) => ({ name: input.name, type: input.type, from: input.from })),
    features: features.map((feature) => ({
      name: feature.name,
      type: feature.type,
      expression: checkExpression(feature.sql, inputs, feature.type),
    })),
  }
}

/**
 * A service with its on-demand entries: `stored` is the service of the entries that name feature views, compiled, and
 * is the answer itself where there are no others.
 */
export function addOnDemand(
  stored: CompiledService,
  { features: entries }: FeatureService,
  views: Readonly<Record<string, CompiledOnDemandView>>,
): CompiledService {
  const taken = takeFeatures(entries, views)
  if (taken.size === 0) return stored
  const inputs = addRequestInputs(stored.inputs, taken)
  const reads = planReads(stored, taken)
  const requestSlots = new Map(inputs.map(({ name }, slot) => [name, slot]))
  const featureSlots = new Map([...reads.keys()].map((name, at) => [name, inputs.length + at]))
  const features: CompiledComputation[] = []
  const named: NamedType[] = []
  const answer: AnswerPart[] = []
  let storedEntry = 0
  for (const entry of entries) {
    const own = taken.get(entry)
    if (own === undefined) {
      named.push(...entryFeatures(stored, storedEntry))
      answer.push({ kind: 'stored', entry: storedEntry++ })
      continue
    }
    const first = features.length
    for (const { view, feature, columns } of own) {
      const slots = columns.map((column) => {
        const { name, from } = view.inputs[column]!
        return { column, slot: (from === 'request' ? requestSlots : featureSlots).get(name)! }
      })
      features.push({ view: view.name, feature, type: view.features[feature]!.type, inputs: slots })
    }
    // Only now: what an on-demand view gives is for those that stand behind it, not for itself.
    for (const [at, { view, feature }] of own.entries()) {
      const { name, type } = view.features[feature]!
      featureSlots.set(entry.prefix + name, inputs.length + reads.size + first + at)
      named.push({ name: entry.prefix + name, type })
    }
    answer.push({ kind: 'computed', features: own.map((_, at) => first + at) })
  }
  const onDemand = { reads: [...reads.values()], features, answer }
  return { ...stored, inputs, features: named, onDemand }
}

interface TakenFeature {
  readonly view: CompiledOnDemandView
  /** Position in the view. */
  readonly feature: number
  /** Positions of the inputs that it reads. */
  readonly columns: readonly number[]
}

/** The features of each on-demand entry. */
function takeFeatures(
  entries: readonly ServiceEntry[],
  views: Readonly<Record<string, CompiledOnDemandView>>,
): Map<ServiceEntry, readonly TakenFeature[]> {
  return new Map(
    entries
      .filter((entry) => Object.hasOwn(views, entry.view))
      .map((entry) => {
        const view = views[entry.view]!
        const names = entry.features ?? view.features.map(({ name }) => name)
        const features = names.map((wanted) => view.features.findIndex(({ name }) => name === wanted))
        const taken = features.map((feature) => {
          return { view, feature, columns: expressionColumns(view.features[feature]!.expression) }
        })
        return [entry, taken]
      }),
  )
}

/** A view asks for all its request inputs, whichever of its features are taken. */
function addRequestInputs(
  inputs: readonly NamedType[],
  taken: ReadonlyMap<ServiceEntry, readonly TakenFeature[]>,
): NamedType[] {
  const asked = [...taken.values()].flatMap(([first]) =>
    first!.view.inputs.filter(({ from }) => from === 'request'),
  )
  const byName = new Map([...inputs, ...asked].map(({ name, type }) => [name, { name, type }]))
  return [...byName.values()]
}

/** The stored features that expressions read, by name, those of one entry side by side. */
function planReads(
  stored: CompiledService,
  taken: ReadonlyMap<ServiceEntry, readonly TakenFeature[]>,
): Map<string, CompiledRead> {
  const names = new Set(
    [...taken.values()].flat().flatMap(({ view, columns }) => {
      const read = columns.map((column) => view.inputs[column]!)
      return read.filter(({ from }) => from === 'features').map(({ name }) => name)
    }),
  )
  const places = stored.entries.flatMap((_, entry) =>
    entryFeatures(stored, entry).map(({ name, type }, feature) => [name, { entry, feature, type }] as const),
  )
  return new Map(places.filter(([name]) => names.has(name)))
}

/** Names and types of the features that an entry gives. */
function entryFeatures({ entries, features }: CompiledService, entry: number): readonly NamedType[] {
  const first = entries.slice(0, entry).reduce((count, before) => count + before.features.length, 0)
  return features.slice(first, first + entries[entry]!.features.length)
}
