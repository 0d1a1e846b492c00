/** What an operator may set; `docs/operations.md` says how. */
export interface Settings {
  /** Blocks are divided when those of a group are larger than this on average. */
  readonly blockBytesMax: number
  /** How long the blocks of a former layout are still published for readers who know no other. */
  readonly reblockGraceMs: number
  /** Labels of one row group of a dataset; twice as many are joined at once, so it bounds a job's memory. */
  readonly datasetChunkRows: number
  /** Instances among which the chunks of a large load are shared. */
  readonly loadPartsMax: number
}
