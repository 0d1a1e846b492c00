import type { Instant } from '../core/time.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'

/** The single writers, one for each range of an entity's key hashes. */
export interface ShardWriters {
  /** Commits a delivery: when this returns `committed`, its rows survive anything. */
  deliver(delivery: Delivery): Promise<DeliveryAnswer>
  /**
   * Blocks as the writer holds them now, in the order asked, whatever layout they belong to. `repair` says
   * whether the writer has to put them to KV.
   */
  readBlocks(
    layout: WriterLayout,
    blocks: readonly BlockAddress[],
    options: { readonly repair: BlockRepair },
  ): Promise<readonly string[]>
  /**
   * Lines (`encodeRow`) of the rows of these view versions and tombstone ids that are not in the manifest
   * yet.
   */
  readWaiting(layout: WriterLayout, views: readonly string[]): Promise<string>
  /** Publishes what waits, as much as one run may, and, when asked to, cuts the journal into segments. */
  flush(layout: WriterLayout, options: { readonly cut: boolean }): Promise<FlushReport>
  /** Lets the writer do what is due, should its own alarm have been lost. */
  wake(layout: WriterLayout): Promise<WriterReport>
  /**
   * Removes all that the writer holds of these encoded keys. Answers how many of them it held; null, and nothing
   * done, while rows have yet to be logged.
   */
  eraseKeys(layout: WriterLayout, keys: readonly string[]): Promise<number | null>
  /**
   * From now on the group's blocks are published in this width of bits too. Answers how many of them are not
   * yet; call again until it is 0.
   */
  addWidth(layout: WriterLayout, width: BlockWidth): Promise<number>
  /**
   * Ends the publishing in this width and deletes its blocks. Answers how many are left; call again until it
   * is 0.
   */
  dropWidth(layout: WriterLayout, width: BlockWidth): Promise<number>
  /**
   * Takes up this generation and publishes the blocks that show it, as many as one run may. Answers how many are left; call
   * again until it is 0.
   */
  announce(layout: WriterLayout): Promise<number>
}

/** How far a writer's journal has come. */
export interface FlushReport {
  /** Id of its newest entry. */
  readonly newest: number
  /** Id of the oldest entry with rows that the manifest does not name; null when it names all. */
  readonly oldestUncut: number | null
}

/** What was wrong with the blocks in KV: nothing known, not there or too old to be served, or damaged. */
export type BlockRepair = 'none' | 'lacking' | 'damaged'

/** One block among those of its writer. */
export interface BlockAddress {
  readonly group: string
  /** Top bits of the hashes of its keys, as text. */
  readonly bits: string
}

/** One way of dividing a group's keys into blocks. */
export interface BlockWidth {
  readonly group: string
  readonly blockBits: number
}

export interface WriterReport {
  /**
   * Mean size of a few blocks of each group as they would be put now; empty before the writer's first
   * delivery.
   */
  readonly blockBytes: Readonly<Record<string, number>>
}

export interface Delivery {
  readonly layout: WriterLayout
  /** Rows of a load or a fill are in the log already and are published at its end or after a minute. */
  readonly kind: 'stream' | 'load' | 'fill'
  readonly groups: readonly DeliveryGroup[]
}

/** Rows that take effect once. */
export interface DeliveryGroup {
  /** Message id and view version. */
  readonly id: string
  /** Door time of the message; ids are kept by it. */
  readonly time: Instant
  /** Lines of `encodeRow`, joined by newlines. */
  readonly rows: string
}

export type DeliveryAnswer =
  | { readonly status: 'committed' }
  /** The delivery was computed under an older generation than the writer's: compute it again. */
  | { readonly status: 'stale'; readonly generation: number }
