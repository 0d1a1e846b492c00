import type { Lineage, LineageNode } from './lineage.ts'

export interface Place {
  readonly column: number
  readonly row: number
}

/** A node and where it stands: columns from left (made from) to right (made of it), rows from the top. */
export interface PlacedNode extends LineageNode, Place {}

export interface LineageLayout {
  readonly nodes: readonly PlacedNode[]
  /** `via` are the places that an edge has for itself in the columns between, so that it runs across no node. */
  readonly edges: readonly {
    readonly from: PlacedNode
    readonly to: PlacedNode
    readonly via: readonly Place[]
  }[]
  readonly columnCount: number
  /** Of the longest column. */
  readonly rowCount: number
}

/**
 * Lays a lineage out in layers: each node right of all it is made from, those of a column in the order of what they are
 * made from, so that edges cross little. Nodes beyond `nodesMax` are left out, the farthest first.
 */
export function layoutLineage(lineage: Lineage, nodesMax: number): LineageLayout {
  const kept = new Set(
    [lineage.nodes[0]!.id, ...interleave(lineage.upstream, lineage.downstream)].slice(0, nodesMax),
  )
  const edges = lineage.edges.filter(({ from, to }) => kept.has(from) && kept.has(to))
  const columns = columnsOf(kept, edges)
  const ways = edges.map((edge) => wayOf(edge, columns))
  const steps = ways.flatMap((way) => way.slice(1).map((to, at) => ({ from: way[at]!, to })))
  const byColumn = Map.groupBy(new Set([...columns.keys(), ...ways.flat()]), (id) => columns.get(id)!)
  const places = new Map<string, Place>()
  for (let column = 0; column < byColumn.size; column++) {
    const ids = byColumn.get(column)!.map((id) => ({ id, weight: meanRow(id, steps, places) }))
    ids.sort((a, b) => a.weight - b.weight || (a.id < b.id ? -1 : 1))
    ids.forEach(({ id }, row) => void places.set(id, { column, row }))
  }
  const nodes = new Map(
    lineage.nodes
      .filter(({ id }) => kept.has(id))
      .map((node) => [node.id, { ...node, ...places.get(node.id)! }]),
  )
  return {
    nodes: [...nodes.values()],
    edges: edges.map(({ from, to }, at) => ({
      from: nodes.get(from)!,
      to: nodes.get(to)!,
      via: ways[at]!.slice(1, -1).map((id) => places.get(id)!),
    })),
    columnCount: byColumn.size,
    rowCount: Math.max(...[...byColumn.values()].map(({ length }) => length)),
  }
}

/** An edge from column to column, by way of a place of its own in each between; those are added to `columns`. */
function wayOf({ from, to }: Edge, columns: Map<string, number>): string[] {
  const way = [from]
  for (let column = columns.get(from)! + 1; column < columns.get(to)!; column++) {
    const id = `${from} ${to} ${column}`
    columns.set(id, column)
    way.push(id)
  }
  return [...way, to]
}

type Edge = Pick<Lineage['edges'][number], 'from' | 'to'>

/** The longest way to each node. Definitions have no cycles. */
function columnsOf(ids: ReadonlySet<string>, edges: readonly Edge[]): Map<string, number> {
  const columns = new Map([...ids].map((id) => [id, 0]))
  for (let pass = 0, isChanged = true; isChanged && pass < ids.size; pass++) {
    isChanged = false
    for (const { from, to } of edges) {
      const column = columns.get(from)! + 1
      if (column <= columns.get(to)!) continue
      columns.set(to, column)
      isChanged = true
    }
  }
  return columns
}

/** Of what leads to a place. */
function meanRow(id: string, edges: readonly Edge[], placed: ReadonlyMap<string, Place>): number {
  const rows = edges.flatMap(({ from, to }) => (to === id ? (placed.get(from)?.row ?? []) : []))
  return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row, 0) / rows.length
}

function interleave(a: readonly string[], b: readonly string[]): string[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => [a[at], b[at]])
    .flat()
    .filter((id) => id !== undefined)
}
