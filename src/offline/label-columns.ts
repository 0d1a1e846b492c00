import type { Instant } from '../core/time.ts'
import type { Value } from '../core/value.ts'

/** Labels column by column. */
export interface LabelColumns {
  readonly times: ArrayLike<Instant>
  /** By the service's input, then by label; none is null. */
  readonly inputs: readonly ArrayLike<Value>[]
}

/** What a retrieval is limited to, so that it can be made again (S5). */
export interface HistoryPins {
  /** Only rows ingested at or before this. */
  readonly asOf: Instant | undefined
  /**
   * Only rows registered under this commit or an earlier one: what waits in the writers is none of them. Undefined:
   * all that is registered, and all that waits.
   */
  readonly commit: number | undefined
  /** Only rows created at or before each label's time. */
  readonly isKnowledgeCutoff: boolean
}
