import { FeatureStoreError } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type {
  CompiledEntity,
  CompiledService,
  CompiledSource,
  CompiledView,
  Snapshot,
} from '../definitions/snapshot.ts'
import { fillJobId } from '../definitions/transition.ts'
import type { Platform } from '../platform.ts'
import { readServingSnapshot, readWritingSnapshot, refreshServingSnapshot } from './current-snapshot.ts'

/** A source under the newest definitions. Throws `not_found`. */
export async function resolveSource(
  platform: Platform,
  name: string,
): Promise<{ readonly snapshot: Snapshot; readonly source: CompiledSource }> {
  const snapshot = await readWritingSnapshot(platform)
  const source = own(snapshot.sources, name)
  if (source === undefined) throw notFound('source', name, snapshot.sources)
  return { snapshot, source }
}

/** An entity under the newest definitions. Throws `not_found`. */
export async function resolveEntity(
  platform: Platform,
  name: string,
): Promise<{ readonly snapshot: Snapshot; readonly entity: CompiledEntity }> {
  const snapshot = await readWritingSnapshot(platform)
  return { snapshot, entity: findEntity(snapshot, name) }
}

export interface ResolvedService {
  readonly snapshot: Snapshot
  readonly service: CompiledService
}

/** A service to serve from. A name the isolate does not know is looked up once in D1 before it is refused (S34). */
export async function resolveService(platform: Platform, name: string): Promise<ResolvedService> {
  const snapshot = await readServingSnapshot(platform)
  const service = own(snapshot.services, name)
  return service === undefined ? resolveInNewest(platform, name) : { snapshot, service }
}

/** The service under the newest definitions in D1, whatever this isolate remembers. Throws `not_found`. */
export async function resolveInNewest(platform: Platform, name: string): Promise<ResolvedService> {
  const snapshot = await refreshServingSnapshot(platform)
  const waitsFor = own(snapshot.pending, name)
  if (waitsFor !== undefined) throw await notFilledYet(platform, name, waitsFor)
  return { snapshot, service: findService(snapshot, name) }
}

/** The newest version of a view in one generation that is not still being filled. Throws `not_found`. */
export function findView({ views, entities }: Snapshot, name: string): CompiledView {
  const versions = Object.values(views).filter(
    (view) => view.name === name && !entities[view.entity]!.unfilled.includes(view.id),
  )
  if (versions.length === 0)
    throw notFound(
      'feature view',
      name,
      Object.groupBy(Object.values(views), (view) => view.name),
    )
  return versions.reduce((a, b) => (a.version > b.version ? a : b))
}

/** A service of one generation, whichever that is. Throws `not_found`. */
export function findService({ services }: Snapshot, name: string): CompiledService {
  const service = own(services, name)
  if (service === undefined) throw notFound('feature service', name, services)
  return service
}

/** An entity of one generation. Throws `not_found`. */
export function findEntity({ entities }: Snapshot, name: string): CompiledEntity {
  const entity = own(entities, name)
  if (entity === undefined) throw notFound('entity', name, entities)
  return entity
}

/** A new service has no former definition to go on with while a view it reads is filled (S33). */
async function notFilledYet({ jobRecords }: Platform, name: string, views: readonly string[]) {
  const progress = await Promise.all(
    views.map(async (view) => {
      const job = await jobRecords.find(fillJobId(view))
      return { view, job: fillJobId(view), done: job?.done ?? 0, total: job?.total ?? 0 }
    }),
  )
  const [first] = progress
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot use feature service "${name}" yet: ${views.map((view) => `"${view}"`).join(' and ')} is being filled, ${first?.done ?? 0} of ${first?.total ?? 0} steps are done`,
    { filling: progress },
  )
}

/** Looks a name up among definitions; what every object inherits is no definition. */
function own<T>(definitions: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(definitions, name) ? definitions[name] : undefined
}

export function notFound(kind: string, name: string, known: Readonly<Record<string, unknown>>) {
  const nearest = nearestName(name, Object.keys(known))
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
  return new FeatureStoreError(
    'not_found',
    `Cannot find ${kind} "${name}": there is none of that name${hint}`,
  )
}
