import type { IndexedDefinition } from './definition-index.ts'

/** What is not yet, or not only, as a generation's own definitions say (S33). */
export interface Transition {
  /**
   * Versions whose rows of before are being filled in, by id: the generation that made them. Rows taken in under it or a later one
   * reach them by themselves; nothing reads them yet.
   */
  readonly unfilled: Readonly<Record<string, number>>
  /** Older versions that are kept up, by id: the generation whose definitions say what they are. */
  readonly kept: Readonly<Record<string, number>>
  /** Services that keep their former definition while a version they touch is unfilled, by name. */
  readonly held: Readonly<Record<string, HeldService>>
}

export interface HeldService {
  /** The generation whose definition it keeps; 0 for a service that has none yet. */
  readonly generation: number
  /** Ids of the views it reads by that definition, by what its entries call them. */
  readonly views: EntryViews
}

/** Ids of views by what a service's entries call them: a name, or an id that is pinned. */
export type EntryViews = Readonly<Record<string, string>>

/** Everything is as the definitions say. */
export const SETTLED: Transition = { unfilled: {}, kept: {}, held: {} }

/** Version numbers by view name. */
export type VersionNumbers = Readonly<Record<string, number>>

/** A feature service, and what its entries call their views. */
type Service = Pick<IndexedDefinition, 'name' | 'uses'>

/** A generation as far as versions go. */
export interface VersionedSet {
  readonly generation: number
  readonly services: readonly Service[]
  readonly versions: VersionNumbers
  readonly transition: Transition
}

/**
 * The transition of the generation that follows `before`: which services wait for the `unfilled`, by what they are answered
 * until then, and which older versions are kept up for them and for those who pin them. Pure.
 */
export function planTransition(
  before: VersionedSet,
  {
    services,
    versions,
    unfilled,
  }: Pick<VersionedSet, 'services' | 'versions'> & Pick<Transition, 'unfilled'>,
): Transition {
  const waiting = services.filter(({ uses }) =>
    Object.values(serviceViews(uses, versions)).some((id) => Object.hasOwn(unfilled, id)),
  )
  const held = Object.fromEntries(waiting.map(({ name }) => [name, formerService(before, name)]))
  const read = [
    ...services.map(({ uses }) => serviceViews(uses, versions)),
    ...Object.values(held).map(({ views }) => views),
  ]
  const kept = [...new Set(read.flatMap((views) => Object.values(views)))].flatMap(
    (id): [string, number][] => {
      if (isNewest(versions, id)) return []
      const generation = isNewest(before.versions, id) ? before.generation : before.transition.kept[id]
      return generation === undefined ? [] : [[id, generation]]
    },
  )
  return { unfilled, kept: Object.fromEntries(kept.sort()), held }
}

/** The feature views that a service reads by what its entries call them: the newest versions, but for those it pins. */
export function serviceViews(uses: readonly string[], versions: VersionNumbers): EntryViews {
  const ids: Record<string, string> = {}
  for (const view of uses) {
    const version = versions[view]
    // What has no version is an on-demand view.
    if (isPin(view)) ids[view] = view
    else if (version !== undefined) ids[view] = viewId(view, version)
  }
  return ids
}

/** Whether a service's entry names one version of a view. */
export function isPin(view: string): boolean {
  return view.includes('@')
}

export function viewId(name: string, version: number): string {
  return `${name}@${version}`
}

/** The inverse of `viewId`. */
export function parseViewId(id: string): { readonly name: string; readonly version: number } {
  const at = id.lastIndexOf('@')
  return { name: id.slice(0, at), version: Number(id.slice(at + 1)) }
}

/** Id of the job that fills a version: there is one for each, whoever begins it. */
export function fillJobId(id: string): string {
  const { name, version } = parseViewId(id)
  return `fill-${name}-${version}`
}

function isNewest(versions: VersionNumbers, id: string): boolean {
  const { name, version } = parseViewId(id)
  return Object.hasOwn(versions, name) && versions[name] === version
}

function formerService(
  { generation, services, versions, transition }: VersionedSet,
  name: string,
): HeldService {
  const held = transition.held[name]
  if (held !== undefined) return held
  const former = services.find((service) => service.name === name)
  return former === undefined
    ? { generation: 0, views: {} }
    : { generation, views: serviceViews(former.uses, versions) }
}
