import type { CatalogKind, CatalogObject } from './catalog.ts'

/** One step of lineage: `to` is made from `from`; both as `<kind>/<name>`. */
export interface LineageEdge {
  readonly from: string
  readonly to: string
  /** Columns of a source that are read. */
  readonly columns?: readonly string[]
  /** What is taken of a view, by the names that features have in it; of one feature, what it is called there. */
  readonly features?: readonly string[]
}

/** The steps into and out of things, by id. */
export interface LineageSteps {
  readonly into: (id: string) => readonly LineageEdge[]
  readonly outOf: (id: string) => readonly LineageEdge[]
}

export function objectId(kind: CatalogKind, name: string): string {
  return `${kind}/${name}`
}

export function splitId(id: string): CatalogObject {
  const at = id.indexOf('/')
  return { kind: id.slice(0, at) as CatalogKind, name: id.slice(at + 1) }
}

/** Both of two sets of steps that have none in common. */
export function joinSteps(some: LineageSteps, others: LineageSteps): LineageSteps {
  return {
    into: (id) => [...some.into(id), ...others.into(id)],
    outOf: (id) => [...some.outOf(id), ...others.outOf(id)],
  }
}

/** Steps between the same two things become one that takes what each of them takes. */
export function indexEdges(edges: Iterable<LineageEdge>): LineageSteps {
  const merged = new Map<string, LineageEdge>()
  for (const edge of edges) {
    const id = `${edge.from} ${edge.to}`
    const known = merged.get(id)
    const features = new Set([...(known?.features ?? []), ...(edge.features ?? [])])
    merged.set(id, features.size === 0 ? edge : { ...edge, features: [...features] })
  }
  const into = new Map<string, LineageEdge[]>()
  const outOf = new Map<string, LineageEdge[]>()
  for (const edge of merged.values()) {
    addTo(into, edge.to, edge)
    addTo(outOf, edge.from, edge)
  }
  return { into: (id) => into.get(id) ?? [], outOf: (id) => outOf.get(id) ?? [] }
}

function addTo(edgesById: Map<string, LineageEdge[]>, id: string, edge: LineageEdge): void {
  const edges = edgesById.get(id)
  if (edges === undefined) edgesById.set(id, [edge])
  else edges.push(edge)
}
