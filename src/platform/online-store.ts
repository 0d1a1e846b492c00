import type { BlockSpace } from '../definitions/block-key.ts'

/** Blocks by key. Reads may be stale, misses may be stale too; one write a second per key. */
export interface OnlineStore {
  /** Texts of the keys, in their order; null where there is none. Any number of keys, none twice. */
  readBlocks(keys: readonly string[]): Promise<readonly (string | null)[]>
  /**
   * Heads (`blockHead`) of a group's blocks of all widths, by key; in an operation for each thousand of them, at most so many,
   * without the rest. As eventual as reads are, and each head for itself.
   */
  listHeads(
    space: BlockSpace,
    options: { readonly operationsMax: number },
  ): Promise<ReadonlyMap<string, string>>
  writeBlock(key: string, text: string): Promise<void>
  deleteBlock(key: string): Promise<void>
}
