/** Decoded bytes of the labels of one chunk, as their files' own statistics tell them. */
const CHUNK_BYTES_MAX = 16_000_000
/** Chunks' worth of labels of one role that are joined at once: their answers are in memory. */
const JOIN_CHUNKS = 2
/** Chunks of one file of the answer. */
const FILE_CHUNKS = 8
const PARTITION_BITS_MAX = 12

/** Rows from `rowStart` to `rowEnd`, exclusive. */
export interface RowRange {
  readonly rowStart: number
  readonly rowEnd: number
}

/** How labels are cut in order, and divided by the hashes of their keys. */
export interface DatasetPlan {
  readonly chunks: readonly RowRange[]
  /** Labels that are joined at once, unless one chunk alone has more. */
  readonly joinLabelsMax: number
  /** Top bits of a key's hash that choose its partition. */
  readonly partitionBits: number
  /** Chunks of each file, `rowStart` and `rowEnd` counting chunks. */
  readonly files: readonly RowRange[]
}

/** Labels of one role whose keys share hash bits, out of some chunks: what one step joins. */
export interface PlannedJoin {
  readonly role: number
  readonly partition: number
  readonly chunkStart: number
  /** Exclusive. */
  readonly chunkEnd: number
}

/** Pure: the same labels are cut in the same way, whoever asks. */
export function planDataset(
  { rowCount, bytes }: { readonly rowCount: number; readonly bytes: number },
  chunkRows: number,
): DatasetPlan {
  const rowsByBytes = Math.floor(CHUNK_BYTES_MAX / Math.max(bytes / Math.max(rowCount, 1), 1))
  const rowsEach = Math.max(Math.min(chunkRows, rowsByBytes), 1)
  const chunks = cut(rowCount, rowsEach)
  const joinLabelsMax = rowsEach * JOIN_CHUNKS
  const partitionBits = Math.ceil(Math.log2(Math.max(rowCount / joinLabelsMax, 1)))
  return {
    chunks,
    joinLabelsMax,
    partitionBits: Math.min(partitionBits, PARTITION_BITS_MAX),
    files: cut(Math.max(chunks.length, 1), FILE_CHUNKS),
  }
}

/** No labels make a file, too: its columns are the answer. */
export function countFiles(chunkCount: number): number {
  return Math.max(Math.ceil(chunkCount / FILE_CHUNKS), 1)
}

function cut(count: number, each: number): RowRange[] {
  return Array.from({ length: Math.ceil(count / each) }, (_, at) => ({
    rowStart: at * each,
    rowEnd: Math.min((at + 1) * each, count),
  }))
}

/**
 * What is to be joined, by the number of labels of each chunk, role and partition. A partition with more labels than are
 * joined at once, as that of a key which is in every other label, is joined in pieces.
 */
export function planJoins(
  counts: readonly (readonly (readonly number[])[])[],
  { joinLabelsMax }: DatasetPlan,
): PlannedJoin[] {
  const joins: PlannedJoin[] = []
  const roles = counts[0] ?? []
  for (const [role, partitions] of roles.entries()) {
    for (const partition of partitions.keys()) {
      let [chunkStart, labels] = [0, 0]
      for (const [chunk, byRole] of counts.entries()) {
        const count = byRole[role]![partition]!
        if (labels > 0 && labels + count > joinLabelsMax) {
          joins.push({ role, partition, chunkStart, chunkEnd: chunk })
          chunkStart = chunk
          labels = 0
        }
        labels += count
      }
      if (labels > 0) joins.push({ role, partition, chunkStart, chunkEnd: counts.length })
    }
  }
  return joins
}
