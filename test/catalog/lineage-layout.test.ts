import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Lineage } from '../../src/catalog/lineage.ts'
import { layoutLineage } from '../../src/catalog/lineage-layout.ts'

/** Nodes 0 to n, edges from lower to higher numbers, all of them up- or downstream of one. */
const arbitraryLineage = fc
  .record({
    count: fc.integer({ min: 1, max: 12 }),
    edges: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30 }),
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
      edges: edges
        .map(([a, b]) => [a % count, b % count] as const)
        .filter(([a, b]) => a < b)
        .map(([a, b]) => ({ from: ids[a]!, to: ids[b]! })),
      upstream: ids.slice(0, at).reverse(),
      downstream: ids.slice(at + 1),
    }
  })

test('layoutLineage() places each node once, right of all it is made from, none upon another', () => {
  fc.assert(
    fc.property(arbitraryLineage, (lineage) => {
      const { nodes, edges, columnCount, rowCount } = layoutLineage(lineage, 100)
      expect(nodes.map(({ id }) => id).sort()).toEqual(lineage.nodes.map(({ id }) => id).sort())
      expect(new Set(nodes.map(({ column, row }) => `${column} ${row}`)).size).toBe(nodes.length)
      for (const { from, to } of edges) expect(from.column).toBeLessThan(to.column)
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
