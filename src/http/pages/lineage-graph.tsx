import type { CatalogObject } from '../../catalog/catalog.ts'
import type { LineageLayout, Place, PlacedNode } from '../../catalog/lineage-layout.ts'
import { parseViewId } from '../../definitions/transition.ts'
import { KIND_TITLES, pathOf } from './paths.ts'

const [WIDTH, HEIGHT] = [172, 46]
const [GAP_X, GAP_Y] = [48, 16]
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
        {layout.edges.map(({ from, via, to }) => (
          <path class="edge" d={edgePath([from, ...via, to])} />
        ))}
        {layout.nodes.map((node) => (
          <LineageBox node={node} here={here} />
        ))}
      </svg>
    </div>
  )
}

function LineageBox({ node, here }: { readonly node: PlacedNode; readonly here: CatalogObject }) {
  const isHere = node.kind === here.kind && node.name === here.name
  const [x, y] = [node.column * (WIDTH + GAP_X), node.row * (HEIGHT + GAP_Y)]
  const title = node.kind === 'training_dataset' ? node.description : node.name
  return (
    <a href={pathOf(node)}>
      <rect class={isHere ? 'node here' : 'node'} x={x} y={y} width={WIDTH} height={HEIGHT} rx="8" />
      <text class="soft" x={x + 10} y={y + 17}>
        {KIND_TITLES[node.kind]}
        {versionsText(node, here)}
      </text>
      <text x={x + 10} y={y + 35}>
        {title.length > CHARS_MAX ? `${title.slice(0, CHARS_MAX - 1)}…` : title}
      </text>
      {title.length > CHARS_MAX && <title>{title}</title>}
    </a>
  )
}

/** ` @1 @2`: of a view its own, the newest last; of a dataset that was made from the view whose lineage it is, which of it. */
function versionsText({ kind, name, versions = [] }: PlacedNode, here: CatalogObject): string {
  const view = kind === 'feature_view' ? name : here.kind === 'feature_view' ? here.name : undefined
  return versions
    .map(parseViewId)
    .filter((one) => one.name === view)
    .map(({ version }) => ` @${version}`)
    .join('')
}

/** From place to place, straight across the width of a node where the edge passes between nodes. */
function edgePath(places: readonly Place[]): string {
  const points = places.map(({ column, row }) => ({
    x: column * (WIDTH + GAP_X),
    y: row * (HEIGHT + GAP_Y) + HEIGHT / 2,
  }))
  const [start, ...others] = points
  const curves = others.map(({ x, y }, at) => {
    const middle = x - GAP_X / 2
    const isLast = at === others.length - 1
    return `C${middle} ${points[at]!.y} ${middle} ${y} ${x} ${y}${isLast ? '' : `H${x + WIDTH}`}`
  })
  return `M${start!.x + WIDTH} ${start!.y}${curves.join('')}`
}
