import { bitsText, hashKey, type KeyHash, topBits } from '../core/entity-key.ts'
import { isTombstone, type ViewRow } from '../core/row.ts'
import type { Clock } from '../platform.ts'
import { decodeCheckpoint } from './checkpoint-text.ts'
import {
  createLiveBlock,
  findRow,
  forgetKey,
  keepViews,
  type LiveBlock,
  mergeRow,
  noteChange,
  type RulesOf,
  setWindows,
} from './live-block.ts'
import type { WindowState } from './window-state.ts'
import type { JournalEntry, WriterStorage } from './writer-storage.ts'

/**
 * What the writers of one isolate hold in memory together. Blocks whose rows stand in checkpoints are let go,
 * least recently used first.
 */
export interface WriterMemory {
  readonly bytesMax: number
  bytes: number
  /** How to let a block go, in order of last use; false when it holds rows that no checkpoint has. */
  readonly blocks: Map<LiveBlock, () => boolean>
}

export function createWriterMemory(bytesMax: number): WriterMemory {
  return { bytesMax, bytes: 0, blocks: new Map() }
}

/** Lets blocks go until four fifths of the room are in use, so that this is not done for every delivery. */
export function relieveMemory(memory: WriterMemory): void {
  if (memory.bytes <= memory.bytesMax) return
  for (const [block, letGo] of memory.blocks) {
    if (memory.bytes <= memory.bytesMax * 0.8) break
    if (letGo()) forget(memory, block)
  }
}

function forget(memory: WriterMemory, block: LiveBlock): void {
  if (memory.blocks.delete(block)) memory.bytes -= block.bytes
}

/**
 * The blocks of one writer: rows by ranges of `rowBits` bits, loaded from checkpoints when they are asked
 * for. A range whose own checkpoint is not there yet is cut out of that of a wider range around it.
 */
export interface LiveBlocks {
  readonly rowBits: number
  /** The range that holds a key, as text. */
  rangeOf(key: string): string
  /** Merges a row of a journal entry; answers the range it has changed, undefined when it changes nothing. */
  merge(row: ViewRow, entry: Pick<JournalEntry, 'id' | 'kind'>): string | undefined
  /** What is held of a key under a version or a tombstone's id. */
  findRow(key: string, view: string): ViewRow | undefined
  /** Puts windows in the place of those held. */
  replaceWindows(address: { readonly view: string; readonly key: string }, windows: WindowState): void
  /** Forgets what all views but these hold of the blocks in memory. */
  keepViews(views: ReadonlySet<string>): void
  /** The blocks whose ranges overlap this one, of whatever width. */
  overlapping(bits: string): LiveBlock[]
  /** Forgets all that is held of a key; false when there is nothing. */
  forgetKey(key: string): boolean
  /** Ranges in memory, and whether they hold rows that no checkpoint has. */
  entries(): Iterable<readonly [bits: string, block: LiveBlock]>
  /** Lets all of them go, whatever they hold. */
  clear(): void
}

export function createLiveBlocks(
  memory: WriterMemory,
  storage: Pick<WriterStorage, 'readCheckpoint'>,
  { rowBits, shardBits, isKept, rulesOf, onRebuild, clock }: LiveBlocksOptions,
): LiveBlocks {
  const blocks = new Map<string, LiveBlock>()

  /** Names of ranges, so that no row has to make one. */
  const names = new Map<number, string>()

  function rangeOf({ high }: KeyHash): string {
    const range = topBits(high, rowBits)
    let name = names.get(range)
    if (name === undefined) {
      name = bitsText(range, rowBits)
      names.set(range, name)
    }
    return name
  }

  function get(bits: string): LiveBlock {
    let block = blocks.get(bits)
    if (block === undefined) {
      block = load(bits)
      blocks.set(bits, block)
      memory.bytes += block.bytes
    }
    const loaded = block
    memory.blocks.delete(loaded)
    memory.blocks.set(loaded, () => loaded.changes === 0 && blocks.delete(bits))
    return loaded
  }

  function load(bits: string): LiveBlock {
    const block = createLiveBlock()
    // Nothing is wider than all that the writer owns.
    for (let width = bits.length; width >= Math.max(shardBits, 1); width--) {
      const checkpoint = storage.readCheckpoint(bits.slice(0, width))
      if (checkpoint === undefined) continue
      decodeCheckpoint(block, checkpoint.rows, {
        rulesOf,
        isWanted: (view, key) =>
          (isTombstone(view) || isKept(view)) && (width === bits.length || rangeOf(hashKey(key)) === bits),
      })
      block.through = checkpoint.through
      for (const key of block.rowsByKey.keys()) reportRebuilds(block, key, onRebuild)
      break
    }
    block.changes = 0
    return block
  }

  return {
    rowBits,
    rangeOf: (key) => rangeOf(hashKey(key)),
    merge(row, entry) {
      const hash = hashKey(row.key)
      const range = rangeOf(hash)
      const block = get(range)
      // Its checkpoint was written after this entry, which is read again: windows must not count twice.
      if (entry.id <= block.through) return undefined
      const before = block.bytes
      const isChange = mergeRow(block, row, { hash, rulesOf, now: clock.now(), batch: batchOf(row, entry) })
      if (isTombstone(row.view)) reportRebuilds(block, row.key, onRebuild)
      memory.bytes += block.bytes - before
      return isChange ? range : undefined
    },
    findRow: (key, view) => findRow(get(rangeOf(hashKey(key))), key, view),
    replaceWindows({ view, key }, windows) {
      const block = get(rangeOf(hashKey(key)))
      const held = block.rowsByKey.get(key)
      const before = block.bytes
      if (held !== undefined) setWindows(block, held, view, windows)
      memory.bytes += block.bytes - before
      noteChange(block)
    },
    keepViews(views) {
      for (const block of blocks.values()) {
        const before = block.bytes
        keepViews(block, views)
        memory.bytes += block.bytes - before
      }
    },
    overlapping(bits) {
      if (bits.length >= rowBits) return [get(bits.slice(0, rowBits))]
      const more = rowBits - bits.length
      return Array.from({ length: 2 ** more }, (_, at) => get(bits + bitsText(at, more)))
    },
    forgetKey(key) {
      const block = get(rangeOf(hashKey(key)))
      const before = block.bytes
      const isFound = forgetKey(block, key)
      memory.bytes += block.bytes - before
      return isFound
    },
    entries: () => blocks.entries(),
    clear() {
      for (const block of blocks.values()) forget(memory, block)
      blocks.clear()
    },
  }
}

export interface LiveBlocksOptions {
  /** Bits of a range of rows. */
  readonly rowBits: number
  readonly shardBits: number
  /** Whether rows of this version are still kept. */
  readonly isKept: (view: string) => boolean
  readonly rulesOf: RulesOf
  /** Told of windows that only the log can tell anew. */
  readonly onRebuild: (view: string, key: string) => void
  readonly clock: Clock
}

/** The load that brought a row; undefined for a row of the stream or of a fill. */
function batchOf({ sequenceOrigin }: ViewRow, { kind }: Pick<JournalEntry, 'kind'>): string | undefined {
  return kind === 'load' ? sequenceOrigin : undefined
}

function reportRebuilds(block: LiveBlock, key: string, report: (view: string, key: string) => void): void {
  for (const [view, { tiles }] of block.rowsByKey.get(key)?.windows ?? [])
    if (tiles.needsRebuild) report(view, key)
}
