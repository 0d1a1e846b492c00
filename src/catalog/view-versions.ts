import { parseViewId, viewId } from '../definitions/transition.ts'
import type { Catalog } from './catalog.ts'

/** A version of a view that takes in rows. */
export interface LiveVersion {
  readonly version: number
  /** `filling` until the rows of before are in; only then does anything read it. */
  readonly state: 'served' | 'filling'
}

/** The versions of a view that are kept up beside each other, the newest last: one at rest, more while one is filled or pinned (S33). */
export function liveVersions({ versions, transition }: Catalog, view: string): LiveVersion[] {
  const newest = versions[view]?.version
  if (newest === undefined) return []
  const isFilling = Object.hasOwn(transition.unfilled, viewId(view, newest))
  const older = Object.keys(transition.kept)
    .map(parseViewId)
    .filter(({ name }) => name === view)
    .map(({ version }) => ({ version, state: 'served' as const }))
  const all = [...older, { version: newest, state: isFilling ? ('filling' as const) : ('served' as const) }]
  return all.sort((a, b) => a.version - b.version)
}
