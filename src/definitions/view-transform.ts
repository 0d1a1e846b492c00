import { compileExpression } from '../core/sql/compile-expression.ts'
import type { TypedExpression } from '../core/sql/typed-expression.ts'
import type { Expectation, PlainColumns, ViewTransform } from '../core/transform.ts'
import { planWindows, type WindowPlan } from '../core/window/window-plan.ts'
import type { WorkerTransform } from '../core/worker-transform.ts'
import type { CompiledColumn, CompiledSource, CompiledView, CompiledWindows, Snapshot } from './snapshot.ts'

/** Closures of the views of snapshots in use; a view's go when its snapshot goes. */
const transforms = new WeakMap<CompiledView, CompiledViewTransform>()

/** With the Worker that the view's rows go through first, if it has one. */
export interface CompiledViewTransform extends ViewTransform {
  readonly worker: WorkerTransform | null
}

/** A view's transformation, compiled once for each snapshot: the same for stream, load and history (S25). */
export function viewTransform(snapshot: Snapshot, view: CompiledView): CompiledViewTransform {
  let transform = transforms.get(view)
  // A view that stays as it is is shared by generations, its source may have another column since.
  const isCurrent = transform?.worker == null || transform.worker.given === columnsOf(snapshot, view)
  if (transform === undefined || !isCurrent) {
    transform = {
      name: view.name,
      where: view.where === null ? null : compileExpression(view.where),
      keys: view.keys.map(compileExpression),
      keyTypes: snapshot.entities[view.entity]!.joinKeys.map(({ type }) => type),
      features: view.columns.map(({ type, expression }) => ({
        type,
        evaluate: compileExpression(expression),
      })),
      plain: plainColumns(view),
      worker: view.transform === null ? null : { ...view.transform, given: columnsOf(snapshot, view) },
    }
    transforms.set(view, transform)
  }
  return transform
}

function columnsOf({ sources }: Snapshot, { source }: CompiledView): readonly CompiledColumn[] {
  return sources[source]!.columns
}

function plainColumns({ where, keys, columns, transform }: CompiledView): PlainColumns | null {
  if (transform !== null) return null
  const taken = columns.map(({ expression }) => expression)
  const positions = (expressions: readonly TypedExpression[]) =>
    expressions.flatMap((expression) => (expression.kind === 'column' ? [expression.column] : []))
  const plain = { keys: positions(keys), features: positions(taken) }
  const isPlain =
    where === null && plain.keys.length === keys.length && plain.features.length === taken.length
  return isPlain ? plain : null
}

const expectations = new WeakMap<CompiledSource, readonly Expectation[]>()

/** A source's expectations, compiled once for each snapshot. */
export function sourceExpectations(source: CompiledSource): readonly Expectation[] {
  let compiled = expectations.get(source)
  if (compiled === undefined) {
    compiled = source.expectations.map(({ name, onFailure, expression }) => ({
      name,
      onFailure,
      evaluate: compileExpression(expression),
    }))
    expectations.set(source, compiled)
  }
  return compiled
}

const plans = new WeakMap<CompiledWindows, WindowPlan>()

/** A view's windows, planned once for each snapshot. */
export function windowPlan(windows: CompiledWindows): WindowPlan {
  let plan = plans.get(windows)
  if (plan === undefined) {
    plan = planWindows(windows.aggregations)
    plans.set(windows, plan)
  }
  return plan
}
