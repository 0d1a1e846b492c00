import { invalid } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import { projectOnDemand } from './project-on-demand.ts'
import { takeFeatures } from './take-features.ts'

/**
 * The service with only the features asked for, in the order asked; it wants the same inputs. Throws
 * `invalid_argument` for a name the service does not have or one asked for twice.
 */
export function projectService(service: CompiledService, names: readonly string[]): CompiledService {
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
  if (service.onDemand !== null) return projectOnDemand(service, service.onDemand, positions)
  const sources = service.entries.flatMap((entry) => entry.features.map((feature) => ({ entry, feature })))
  const entries = takeFeatures(positions.map((position) => sources[position]!))
  return { ...service, entries, features: positions.map((position) => service.features[position]!) }
}
