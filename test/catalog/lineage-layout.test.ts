import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Lineage } from '../../src/catalog/lineage.ts'
import { layoutLineage } from '../../src/catalog/lineage-layout.ts'

/** Nodes 0 to n, edges from lower to higher numbers, all of them up- or downstream of one. */
const arbitraryLineage = fc
  .record({
    count: fc.integer({ min: 1, max: 12 }),
    edges: fc.uniqueArray(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30, selector: String }),
    here: fc.nat(11),
  })
  .map(({ count, edges, here }): Lineage => {
    const ids = Array.from({ length: count }, (_, at) => `entity/${at}`)
    const at = here % count
    const node = (id: string) => ({ id, kind: 'entity' as const, name: id.slice(7), description: '' })
    return {
      kind: 'entity',
      name: String(at),
      nodes: [node(ids[at]!), ...ids.filter((_, other) => other !== at).map(node)],
      edges: edges.filter(([a, b]) => a < b && b < count).map(([a, b]) => ({ from: ids[a]!, to: ids[b]! })),
      upstream: ids.slice(0, at).reverse(),
      downstream: ids.slice(at + 1),
    }
  })

test('layoutLineage() places each node once, right of all it is made from, none upon another and no edge across one', () => {
  fc.assert(
    fc.property(arbitraryLineage, (lineage) => {
      const { nodes, edges, columnCount, rowCount } = layoutLineage(lineage, 100)
      const places = [...nodes, ...edges.flatMap(({ via }) => via)].map(
        ({ column, row }) => `${column} ${row}`,
      )
      expect(nodes.map(({ id }) => id).sort()).toEqual(lineage.nodes.map(({ id }) => id).sort())
      expect(new Set(places).size).toBe(places.length)
      for (const { from, via, to } of edges) {
        // One column at a time, each time to a place where no node and no other edge is.
        const columns = [from, ...via, to].map(({ column }) => column)
        expect(columns).toEqual(columns.map((_, at) => from.column + at))
        expect(to.column).toBeGreaterThan(from.column)
      }
      expect(edges).toHaveLength(lineage.edges.length)
      for (const { column, row } of nodes) {
        expect(column).toBeLessThan(columnCount)
        expect(row).toBeLessThan(rowCount)
      }
    }),
  )
})

test('layoutLineage() keeps the thing itself and what is nearest when there is too much', () => {
  fc.assert(
    fc.property(arbitraryLineage, fc.integer({ min: 1, max: 5 }), (lineage, nodesMax) => {
      const { nodes } = layoutLineage(lineage, nodesMax)
      expect(nodes).toHaveLength(Math.min(nodesMax, lineage.nodes.length))
      expect(nodes.some(({ id }) => id === lineage.nodes[0]!.id)).toBe(true)
    }),
  )
})
