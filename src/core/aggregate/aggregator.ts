import type { StampOrder } from '../row.ts'
import type { Value, ValueType } from '../value.ts'

/** What is aggregated: null inputs are skipped before an aggregator sees them (S19). */
export type Input = Exclude<Value, null>

/**
 * One function over one input type, as a commutative monoid: states are merged, never finished values (S20). The
 * same arithmetic serves writers, readers and history, so that they cannot differ.
 *
 * `update` and `merge` may change and return their first argument; the second is only read. `finish` and `encode`
 * only read.
 */
export interface Aggregator<State = unknown> {
  /** Aggregators with one state id over one input share a state: they differ in `finish` alone. */
  readonly stateId: string
  readonly outputType: ValueType
  /** The state of no input: merging it changes nothing. */
  create(): State
  /** Takes in one input; `order` is where its row stands by S6, in an object that may be filled anew for the next. */
  update(state: State, input: Input, order: StampOrder): State
  merge(state: State, other: State): State
  /** The function's value. Throws `FeatureStoreError` where there is none, such as a sum that overflows. */
  finish(state: State): Value
  /** Printable ASCII without `;` and `|`, which stand between states. */
  encode(state: State): string
  decode(text: string): State
}
