import { FeatureStoreError } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type {
  CompiledEntity,
  CompiledService,
  CompiledSource,
  CompiledView,
  ServingSnapshot,
  Snapshot,
} from '../definitions/snapshot.ts'
import { fillJobId, parseViewId } from '../definitions/transition.ts'
import type { Platform } from '../platform.ts'
import {
  readPack,
  readServing,
  readServingNewest,
  readWritingIndex,
  readWritingSnapshot,
} from './current-snapshot.ts'

/** A source under the newest definitions, with its views. Throws `not_found`. */
export async function resolveSource(
  platform: Platform,
  name: string,
): Promise<{ readonly snapshot: Snapshot; readonly source: CompiledSource }> {
  const snapshot = await readWritingSnapshot(platform, { sources: [name] })
  const source = own(snapshot.sources, name)
  if (source === undefined) throw notFound('source', name, snapshot.names.sources)
  return { snapshot, source }
}

/** An entity under the newest definitions. Throws `not_found`. */
export async function resolveEntity(
  platform: Platform,
  name: string,
): Promise<{ readonly snapshot: Snapshot; readonly entity: CompiledEntity }> {
  const snapshot = await readWritingSnapshot(platform, { entities: [name] })
  return { snapshot, entity: findEntity(snapshot, name) }
}

export interface ResolvedService<S extends ServingSnapshot = Snapshot> {
  readonly snapshot: S
  readonly service: CompiledService
}

/** A service to serve from. A name the isolate does not know is looked up once in D1 before it is refused (S34). */
export async function resolveService(
  platform: Platform,
  name: string,
): Promise<ResolvedService<ServedGeneration>> {
  const snapshot = await readServing(platform)
  const service = own(snapshot.services, name)
  return service === undefined ? resolveUnread(platform, snapshot, name) : { snapshot, service }
}

/** A service that this isolate has not read yet, or that there is none of. */
async function resolveUnread(
  platform: Platform,
  served: ServedGeneration,
  name: string,
): Promise<ResolvedService<ServedGeneration>> {
  const snapshot = await readPack(platform, served, { kind: 'services', name })
  const service = own(snapshot.services, name)
  return service === undefined ? resolveInNewest(platform, name) : { snapshot, service }
}

/** The service under the newest definitions in D1, whatever this isolate remembers. Throws `not_found`. */
export async function resolveInNewest(
  platform: Platform,
  name: string,
): Promise<ResolvedService<ServedGeneration>> {
  const newest = await readServingNewest(platform)
  const waitsFor = own(newest.pending, name)
  if (waitsFor !== undefined) throw await notFilledYet(platform, name, waitsFor)
  const snapshot = await readPack(platform, newest, { kind: 'services', name })
  const service = own(snapshot.services, name)
  if (service !== undefined) return { snapshot, service }
  const { pieces } = await readWritingIndex(platform)
  throw notFound('feature service', name, Object.keys(pieces.services))
}

/** The service under the newest definitions, with all that its history is made of. Throws `not_found`. */
export async function resolveForHistory(platform: Platform, name: string): Promise<ResolvedService> {
  const snapshot = await readWritingSnapshot(platform, { services: [name] })
  const waitsFor = own(snapshot.pending, name)
  if (waitsFor !== undefined) throw await notFilledYet(platform, name, waitsFor)
  return { snapshot, service: findService(snapshot, name) }
}

/** What the writers of an entity have to know, for a reader that lacks a block. */
export async function readLayout(
  platform: Platform,
  served: ServedGeneration,
  entity: string,
): Promise<ServedGeneration> {
  if (Object.hasOwn(served.layouts, entity)) return served
  return readPack(platform, served, { kind: 'layouts', name: entity })
}

/** The newest version of a view in one generation that is not still being filled. Throws `not_found`. */
export function findView({ views, entities, facts }: Snapshot, name: string): CompiledView {
  const versions = Object.values(views).filter(
    (view) => view.name === name && !entities[view.entity]!.unfilled.includes(view.id),
  )
  if (versions.length === 0)
    throw notFound('feature view', name, new Set(Object.keys(facts).map((id) => parseViewId(id).name)))
  return versions.reduce((a, b) => (a.version > b.version ? a : b))
}

/** A service of one generation, whichever that is. Throws `not_found`. */
export function findService({ services, names }: Snapshot, name: string): CompiledService {
  const service = own(services, name)
  if (service === undefined) throw notFound('feature service', name, names.services)
  return service
}

/** An entity of one generation. Throws `not_found`. */
export function findEntity({ entities }: Snapshot, name: string): CompiledEntity {
  const entity = own(entities, name)
  if (entity === undefined) throw notFound('entity', name, Object.keys(entities))
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

export function notFound(kind: string, name: string, known: Iterable<string>) {
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
  return new FeatureStoreError(
    'not_found',
    `Cannot find ${kind} "${name}": there is none of that name${hint}`,
  )
}
