import type { Lineage, LineageNode } from './lineage.ts'

/** A node and where it stands: columns from left (made from) to right (made of it), rows from the top. */
export interface PlacedNode extends LineageNode {
  readonly column: number
  readonly row: number
}

export interface LineageLayout {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly { readonly from: PlacedNode; readonly to: PlacedNode }[]
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
  const byColumn = Map.groupBy(
    lineage.nodes.filter(({ id }) => kept.has(id)),
    ({ id }) => columns.get(id)!,
  )
  const placed = new Map<string, PlacedNode>()
  const columnCount = Math.max(...byColumn.keys()) + 1
  for (let column = 0; column < columnCount; column++) {
    const nodes = (byColumn.get(column) ?? []).map((node) => ({
      node,
      weight: meanRow(node.id, edges, placed),
    }))
    nodes.sort((a, b) => a.weight - b.weight || (a.node.id < b.node.id ? -1 : 1))
    nodes.forEach(({ node }, row) => void placed.set(node.id, { ...node, column, row }))
  }
  return {
    nodes: [...placed.values()],
    edges: edges.map(({ from, to }) => ({ from: placed.get(from)!, to: placed.get(to)! })),
    columnCount,
    rowCount: Math.max(...[...byColumn.values()].map(({ length }) => length)),
  }
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

function meanRow(id: string, edges: readonly Edge[], placed: ReadonlyMap<string, PlacedNode>): number {
  const rows = edges.flatMap(({ from, to }) => (to === id ? (placed.get(from)?.row ?? []) : []))
  return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row, 0) / rows.length
}

function interleave(a: readonly string[], b: readonly string[]): string[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => [a[at], b[at]])
    .flat()
    .filter((id) => id !== undefined)
}
