import { invalid } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { CompiledEntry, CompiledService } from '../definitions/snapshot.ts'

/**
 * The service with only the features asked for, in the order asked; it wants the same inputs. Throws
 * `invalid_argument` for a name the service does not have or one asked for twice.
 */
export function projectService(service: CompiledService, names: readonly string[]): CompiledService {
  const sources = service.entries.flatMap((entry) => entry.features.map((feature) => ({ entry, feature })))
  const positions = names.map((name, at) => {
    const position = service.features.findIndex((feature) => feature.name === name)
    if (position < 0) {
      const nearest = nearestName(
        name,
        service.features.map((feature) => feature.name),
      )
      const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
      throw invalid(
        `Cannot read feature "${name}": feature service "${service.name}" has none of that name${hint}`,
      )
    }
    if (names.indexOf(name) !== at) throw invalid(`Cannot read feature "${name}" twice: each is named once`)
    return position
  })
  const entries = takeFeatures(positions.map((position) => sources[position]!))
  return { ...service, entries, features: positions.map((position) => service.features[position]!) }
}

interface TakenFeature {
  readonly entry: CompiledEntry
  /** Position in the entry's view. */
  readonly feature: number
}

/** Neighbours of one entry stay one entry, so that a row's line is cut once for all of them. */
function takeFeatures(taken: readonly TakenFeature[]): CompiledEntry[] {
  const runs: { readonly entry: CompiledEntry; readonly features: number[] }[] = []
  for (const { entry, feature } of taken) {
    const last = runs.at(-1)
    if (last?.entry === entry) last.features.push(feature)
    else runs.push({ entry, features: [feature] })
  }
  return runs.map(({ entry, features }) => {
    return { ...entry, features, isWhole: entry.isWhole && features.join() === entry.features.join() }
  })
}
