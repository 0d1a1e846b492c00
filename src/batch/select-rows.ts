import { type BatchRows, CONDITION, evaluateRows, testRows } from '../core/sql/evaluate-rows.ts'
import type { Vector } from '../core/vector.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import { type CompiledViewTransform, viewTransform } from '../definitions/view-transform.ts'

/** A view that rows of a chunk go through. */
export interface ChunkView {
  readonly view: CompiledView
  readonly transform: CompiledViewTransform
  readonly bucketBits: number
}

/** What a view takes of a chunk's rows. */
export interface ViewSelection {
  /** By row: what the view's `where` comes to (`CONDITION`); without one it is true. */
  readonly outcomes: Uint8Array
  /** Each join key, of the rows in which that is true; null where its expression fails, too. */
  readonly keys: readonly Vector[]
}

export function chunkView(snapshot: Snapshot, view: CompiledView): ChunkView {
  const { bucketBits } = snapshot.entities[view.entity]!
  return { view, transform: viewTransform(snapshot, view), bucketBits }
}

export function selectRows({ view, transform }: ChunkView, { columns, rows }: BatchRows): ViewSelection {
  const outcomes =
    view.where === null
      ? new Uint8Array(columns[0]!.values.length).fill(CONDITION.true)
      : testRows(view.where, { columns, rows })
  const taken = takenRows(outcomes, rows)
  const keys = view.keys.map(
    (key, at) => evaluateRows(transform.keyTypes[at]!, key, { columns, rows: taken }).vector,
  )
  return { outcomes, keys }
}

function takenRows(outcomes: Uint8Array, rows: Int32Array): Int32Array {
  const taken = new Int32Array(rows.length)
  let count = 0
  for (const row of rows) if (outcomes[row] === CONDITION.true) taken[count++] = row
  return taken.subarray(0, count)
}
