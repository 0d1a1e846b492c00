import type { Instant } from '../core/time.ts'
import type { WriterReport } from '../platform.ts'
import { blockText } from './publish-blocks.ts'
import { blocksOf } from './writer-record.ts'
import type { WriterState } from './writer-state.ts'

/** Blocks of a group that are measured for its mean size. */
const SAMPLES = 8

/** The mean size of a few blocks of each group, spread over the writer's range, as they would be put now. */
export function measureBlocks(state: WriterState, now: Instant): WriterReport {
  const { record } = state
  if (record === undefined) return { blockBytes: {} }
  const means = record.layout.entity.groups.map(({ name, blockBits }) => {
    const width = { group: name, blockBits }
    const blockCount = 2 ** (blockBits - record.layout.entity.shardBits)
    let bytes = 0
    for (let at = 0; at < SAMPLES; at++) {
      const [bits] = blocksOf(record, width, Math.floor((at * blockCount) / SAMPLES))
      bytes += blockText(state, { group: name, bits: bits! }, now).length
    }
    return [name, bytes / SAMPLES] as const
  })
  return { blockBytes: Object.fromEntries(means) }
}
