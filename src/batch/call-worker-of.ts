import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Value } from '../core/value.ts'
import { callWorker, hasWorker, type ReturnedRow } from '../core/worker-transform.ts'
import type { CompiledViewTransform } from '../definitions/view-transform.ts'
import type { Platform } from '../platform.ts'

/**
 * Takes a chunk's rows through the view's Worker; undefined where SQL is all it has, and no rows are asked for. Throws `unavailable` when a call
 * fails: the step is tried again, and nothing of the chunk counts before that.
 */
export async function callWorkerOf(
  { transformWorkers }: Platform,
  view: CompiledViewTransform,
  readRows: () => readonly (readonly Value[])[],
): Promise<readonly (ReturnedRow | undefined)[] | undefined> {
  if (!hasWorker(view)) return undefined
  const accepted = readRows()
  const groups = []
  for (let start = 0; start < accepted.length; start += LIMITS.transformRowsMax) {
    const rows = accepted.slice(start, start + LIMITS.transformRowsMax)
    groups.push({ rows, chars: 0 })
  }
  const calls = { call: transformWorkers.call, budget: { callsLeft: LIMITS.transformCallsMax } }
  const returned = await callWorker(view, groups, calls)
  return returned.flatMap((rows) => {
    if (!(rows instanceof FeatureStoreError)) return rows
    const { service, method } = view.worker
    throw new FeatureStoreError(
      'unavailable',
      `View "${view.name}": ${service}.${method}() failed: ${rows.message}`,
    )
  })
}
