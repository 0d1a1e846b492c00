import { describeCatalogRoutes } from '../routes/catalog.ts'
import { describeDeadLetterRoutes } from '../routes/dead-letters.ts'
import { describeDefinitionRoutes } from '../routes/definitions.ts'
import { describeEntityRoutes } from '../routes/entities.ts'
import { describeFeatureRoutes } from '../routes/features.ts'
import { describeFileRoutes } from '../routes/files.ts'
import { describeHistoryRoutes } from '../routes/history.ts'
import { describeJobRoutes } from '../routes/jobs.ts'
import { describeQuarantineRoutes } from '../routes/quarantine.ts'
import { describeSourceRowRoutes } from '../routes/source-rows.ts'
import { describeSourceRoutes } from '../routes/sources.ts'
import { describeTokenRoutes } from '../routes/tokens.ts'
import { describeTrainingDatasetRoutes } from '../routes/training-datasets.ts'
import type { RouteDescription } from './route-description.ts'

export interface RouteGroup {
  readonly title: string
  readonly routes: readonly RouteDescription[]
}

/** Every route below `/v1`, as readers look for them. */
export function describeRoutes(): readonly RouteGroup[] {
  return [
    { title: 'Features', routes: [...describeFeatureRoutes(), ...describeHistoryRoutes()] },
    { title: 'Definitions', routes: describeDefinitionRoutes() },
    { title: 'Catalog', routes: describeCatalogRoutes() },
    { title: 'Sources', routes: [...describeSourceRoutes(), ...describeSourceRowRoutes()] },
    { title: 'Entities', routes: describeEntityRoutes() },
    { title: 'Training datasets', routes: describeTrainingDatasetRoutes() },
    { title: 'Files', routes: describeFileRoutes() },
    { title: 'Jobs', routes: describeJobRoutes() },
    { title: 'Dead letters', routes: describeDeadLetterRoutes() },
    { title: 'Quarantine', routes: describeQuarantineRoutes() },
    { title: 'Tokens', routes: describeTokenRoutes() },
  ]
}

/** A path's parameters as Hono writes them: `:name`, perhaps with a pattern in braces. */
const PARAMETER = /:(\w+)(?:\{[^}]*\})?/g

/** The path as documents write it: `/v1/jobs/{id}`. */
export function pathTemplate({ path }: Pick<RouteDescription, 'path'>): string {
  return `/v1${path.replaceAll(PARAMETER, '{$1}')}`
}

export function pathParameters({ path }: Pick<RouteDescription, 'path'>): string[] {
  return [...path.matchAll(PARAMETER)].map((match) => match[1]!)
}

/** Path and query of a route's example. */
export function exampleUrl(route: RouteDescription): string {
  const { path = {}, query = {} } = route.example
  const filled = pathTemplate(route).replaceAll(/\{(\w+)\}/g, (_, name: string) => path[name]!)
  const parameters = new URLSearchParams(query).toString()
  return parameters === '' ? filled : `${filled}?${parameters}`
}

/** The text of an example's body; undefined where it has none. */
export function exampleBody({ example }: RouteDescription): string | undefined {
  const { body } = example
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
}
