import { encodeCheckpoint } from './checkpoint-text.ts'
import { relieveMemory } from './live-blocks.ts'
import type { WriterPlatform } from './writer-platform.ts'
import { isWaiting, type WriterState, windowRules } from './writer-state.ts'

/**
 * Writes a checkpoint of every block that has changed, and `also` in the same transaction; from then on the
 * blocks can be let go.
 */
export function checkpointBlocks(
  platform: WriterPlatform,
  state: WriterState,
  also: () => void = () => {},
): void {
  const { storage } = platform
  const changed = [...state.blocks.entries()].filter(([, { changes }]) => changes > 0)
  const waiting = new Set(changed.map(([range]) => range).filter((range) => isWaiting(state, range)))
  storage.transaction(() => {
    for (const [range, block] of changed) {
      storage.writeCheckpoint(range, {
        rows: encodeCheckpoint(block, (view) => windowRules(state, view)),
        isPublished: !waiting.has(range),
        through: state.lastEntry,
      })
    }
    also()
  })
  for (const [range, block] of changed) {
    block.changes = 0
    block.through = state.lastEntry
    if (waiting.has(range)) state.unpublished.add(range)
    else state.unpublished.delete(range)
  }
  relieveMemory(platform.memory)
}
