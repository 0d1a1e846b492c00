import { BLOCK_BITS_MIN, groupName } from '../definitions/compile.ts'
import { groupOf } from '../definitions/compile-view.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import type { Platform } from '../platform.ts'
import type { NewHead } from './make-generation.ts'
import type { Change } from './plan-changes.ts'

/** What it costs to make a view's values of the rows that its source has taken in. */
export interface FillEstimate {
  /** `feature_view/<name>`. */
  readonly object: string
  /** Rows in the log: as many as the largest view of its source has, of which `where` may leave some out. */
  readonly row_count: number
  /** Every block of its group is put at most once. */
  readonly kv_puts_max: number
  /** List price of the puts and of the writers' rows, without what is free each month. */
  readonly dollars_max: number
}

/** Prices of `docs/operations.md`: a KV put, and at most a tenth of a row of SQLite for each row that is taken in. */
const DOLLARS_PER_PUT = 5 / 1_000_000
const DOLLARS_PER_ROW = 0.1 / 1_000_000

/** What the views of a plan cost that are made or made anew. */
export async function estimateFills(
  platform: Platform,
  current: NewHead,
  { next, changes }: { readonly next: DefinitionSet; readonly changes: readonly Change[] },
): Promise<FillEstimate[]> {
  const made = new Set(
    changes
      .filter(({ action, impact }) => action === 'create' || impact === 'new_version')
      .map(({ object }) => object),
  )
  const views = next.feature_views.filter(({ name }) => made.has(`feature_view/${name}`))
  const rowCounts = await countRows(platform, current, new Set(views.map(({ source }) => source)))
  return views.flatMap((view) => {
    const rowCount = rowCounts.get(view.source) ?? 0
    if (rowCount === 0) return []
    const { shards } = next.entities.find(({ name }) => name === view.entity)!
    const blockBits =
      current.blockBits[groupName(view.entity, groupOf(view))] ?? Math.max(Math.log2(shards), BLOCK_BITS_MIN)
    const puts = Math.min(rowCount, 2 ** blockBits)
    const dollars = puts * DOLLARS_PER_PUT + rowCount * DOLLARS_PER_ROW
    return [
      {
        object: `feature_view/${view.name}`,
        row_count: rowCount,
        kv_puts_max: puts,
        dollars_max: Number(dollars.toPrecision(3)),
      },
    ]
  })
}

/** Rows in the log of the largest view of each source. */
async function countRows(
  { offline }: Platform,
  { index, versions }: NewHead,
  sources: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const { name, uses } of index.feature_views) {
    const source = uses[1]!
    if (!sources.has(source)) continue
    const segments = await offline.list(name, versions[name]!.version)
    const rowCount = segments.reduce((sum, segment) => sum + segment.rowCount, 0)
    counts.set(source, Math.max(counts.get(source) ?? 0, rowCount))
  }
  return counts
}
