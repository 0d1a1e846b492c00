import type { NamedType } from '../core/segment.ts'
import type { CompiledService, CompiledView, Snapshot } from '../definitions/snapshot.ts'
import type { DatasetRequest } from '../platform.ts'
import type { SnapshotScope } from '../registry/read-scope.ts'
import { findService, findView, type ResolvedService } from '../registry/resolve-name.ts'
import { LABEL_TIME } from './parse-labels.ts'

/** What of a snapshot a dataset is made of. */
export function datasetScope({
  of,
  labels,
}: {
  readonly of: DatasetRequest['of']
  readonly labels: Pick<DatasetRequest['labels'], 'kind'> & { readonly entity?: string }
}): SnapshotScope {
  const viewsOf = labels.entity === undefined ? [] : [labels.entity]
  return of.kind === 'service' ? { services: [of.name], viewsOf } : { views: [of.name], viewsOf }
}

/** The features that a dataset is to have: those of a service, or all of one view. Throws `not_found`. */
export function datasetService(snapshot: Snapshot, { kind, name }: DatasetRequest['of']): ResolvedService {
  const service =
    kind === 'service' ? findService(snapshot, name) : viewService(snapshot, findView(snapshot, name))
  return { snapshot, service }
}

/** A service of one view, under the entity's own join keys. */
function viewService(snapshot: Snapshot, view: CompiledView): CompiledService {
  const { joinKeys } = snapshot.entities[view.entity]!
  return {
    name: view.name,
    inputs: joinKeys,
    lookups: [{ entity: view.entity, group: view.group, inputs: [...joinKeys.keys()], views: [view.id] }],
    entries: [{ view: view.id, lookup: 0, features: [...view.features.keys()], isWhole: true }],
    features: view.features,
    onDemand: null,
  }
}

/** One entity in one role: its labels are divided by their keys once, for all the views that are looked up by them. */
export interface Role {
  readonly entity: string
  /** Position in the service's inputs of each of the entity's join keys. */
  readonly inputs: readonly number[]
  /** Positions in the service's entries. */
  readonly entries: readonly number[]
}

export function planRoles(service: CompiledService): Role[] {
  const roles = new Map<string, { entity: string; inputs: readonly number[]; entries: number[] }>()
  for (const [entry, { lookup }] of service.entries.entries()) {
    const { entity, inputs } = service.lookups[lookup]!
    const id = `${entity} ${inputs.join()}`
    const role = roles.get(id)
    if (role === undefined) roles.set(id, { entity, inputs, entries: [entry] })
    else role.entries.push(entry)
  }
  return [...roles.values()]
}

/** What label rows need: the service's inputs, then their time. */
export function neededColumns({ inputs }: CompiledService): NamedType[] {
  return [...inputs, { name: LABEL_TIME, type: 'timestamp' }]
}
