import type { OnDemandFeature } from '../core/on-demand.ts'
import { compileExpression } from '../core/sql/compile-expression.ts'
import type { Evaluate } from '../core/sql/sql-function.ts'
import type { TypedExpression } from '../core/sql/typed-expression.ts'
import type {
  CompiledComputation,
  CompiledOnDemand,
  CompiledOnDemandView,
  ServingSnapshot,
} from './snapshot.ts'

/** Closures of the on-demand views of snapshots in use, feature by feature; a view's go when its snapshot goes. */
const closures = new WeakMap<CompiledOnDemandView, readonly Evaluate[]>()

/** What a service computes, ready to run; each view is compiled once for each snapshot (S25). */
export function onDemandFeatures(
  snapshot: ServingSnapshot,
  { features }: CompiledOnDemand,
): OnDemandFeature[] {
  return features.map(({ view, feature, type, inputs }) => ({
    type,
    inputs,
    evaluate: evaluatesOf(snapshot.onDemandViews[view]!)[feature]!,
  }))
}

function evaluatesOf(view: CompiledOnDemandView): readonly Evaluate[] {
  let evaluates = closures.get(view)
  if (evaluates === undefined) {
    evaluates = view.features.map(({ expression }) => compileExpression(expression))
    closures.set(view, evaluates)
  }
  return evaluates
}

/** What a service computes, as it was checked: for those who write it for another engine. */
export function onDemandTypedFeatures(
  { onDemandViews }: ServingSnapshot,
  { features }: CompiledOnDemand,
): (Pick<CompiledComputation, 'inputs'> & { readonly expression: TypedExpression })[] {
  return features.map(({ view, feature, inputs }) => ({
    inputs,
    expression: onDemandViews[view]!.features[feature]!.expression,
  }))
}
