import type { CatalogObject } from '../../catalog/catalog.ts'
import type { LineageLayout, PlacedNode } from '../../catalog/lineage-layout.ts'
import { KIND_TITLES, pathOf } from './paths.ts'

const [WIDTH, HEIGHT] = [176, 46]
const [GAP_X, GAP_Y] = [56, 16]
/** Of a name; the rest shows when it is pointed at. */
const CHARS_MAX = 24

/** A lineage as a drawing of which every node is a link. The list below it says the same to those who do not see it. */
export function LineageGraph({
  layout,
  here,
}: {
  readonly layout: LineageLayout
  readonly here: CatalogObject
}) {
  const width = layout.columnCount * (WIDTH + GAP_X) - GAP_X + 4
  const height = layout.rowCount * (HEIGHT + GAP_Y) - GAP_Y + 4
  return (
    <div class="scroll card">
      <svg
        viewBox={`-2 -2 ${width} ${height}`}
        width={width}
        class="wide"
        aria-label={`Lineage of ${here.name}`}
      >
        {layout.edges.map(({ from, to }) => (
          <path class="edge" d={edgePath(from, to)} />
        ))}
        {layout.nodes.map((node) => (
          <LineageBox node={node} isHere={node.kind === here.kind && node.name === here.name} />
        ))}
      </svg>
    </div>
  )
}

function LineageBox({ node, isHere }: { readonly node: PlacedNode; readonly isHere: boolean }) {
  const [x, y] = [node.column * (WIDTH + GAP_X), node.row * (HEIGHT + GAP_Y)]
  const title = node.kind === 'training_dataset' ? node.description : node.name
  return (
    <a href={pathOf(node)}>
      <rect class={isHere ? 'node here' : 'node'} x={x} y={y} width={WIDTH} height={HEIGHT} rx="8" />
      <text class="soft" x={x + 10} y={y + 17}>
        {KIND_TITLES[node.kind]}
      </text>
      <text x={x + 10} y={y + 35}>
        {title.length > CHARS_MAX ? `${title.slice(0, CHARS_MAX - 1)}…` : title}
      </text>
      {title.length > CHARS_MAX && <title>{title}</title>}
    </a>
  )
}

function edgePath(from: PlacedNode, to: PlacedNode): string {
  const [x1, y1] = [from.column * (WIDTH + GAP_X) + WIDTH, from.row * (HEIGHT + GAP_Y) + HEIGHT / 2]
  const [x2, y2] = [to.column * (WIDTH + GAP_X), to.row * (HEIGHT + GAP_Y) + HEIGHT / 2]
  const middle = (x1 + x2) / 2
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`
}
