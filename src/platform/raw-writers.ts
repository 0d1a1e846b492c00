import type { RawLayout } from '../definitions/raw-layout.ts'
import type { DeliveryAnswer, DeliveryGroup } from './writers.ts'

/** The writers of sources' raw rows: every accepted row, once, as it came. One for each range of message ids. */
export interface RawWriters {
  /** Commits rows: when this returns `committed`, they survive anything and will be in the raw log. */
  deliver(delivery: RawDelivery): Promise<DeliveryAnswer>
  /** Texts of the groups (`encodeRawGroup`) that are not in the manifest yet, one after another. */
  readWaiting(layout: RawLayout): Promise<string>
  /** Refuses from now on what was computed under an older generation, and cuts what has come until now into segments. */
  cut(layout: RawLayout): Promise<void>
  /** Lets the writer do what is due, should its own alarm have been lost. */
  wake(layout: RawLayout): Promise<void>
}

export interface RawDelivery {
  readonly layout: RawLayout
  /** One for each message; `rows` is its `encodeRawGroup`. */
  readonly groups: readonly DeliveryGroup[]
}
