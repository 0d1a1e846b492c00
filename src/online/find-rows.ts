import { type Block, findBlockRow } from '../core/block.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type { Platform } from '../platform.ts'
import type { PlannedLookup, ReadPlan } from './plan-read.ts'
import { replaceBlocks } from './read-blocks.ts'
import type { ReadCost } from './read-cost.ts'

/** A plan and its blocks as they were read. Damaged ones are replaced in place, so that all of a read uses the same. */
interface PlannedRead {
  readonly plan: ReadPlan
  readonly blocks: (Block | undefined)[]
  readonly cost: ReadCost
}

/**
 * The text of each looked-up row, in the order of the plan; undefined where its block has none. A row whose checksum
 * differs says nothing about any key: its block is asked of the writer, and is undefined where that fails. Answers at
 * once, without a promise, where no block is damaged.
 */
export function findRows(
  platform: Platform,
  snapshot: ServedGeneration,
  read: PlannedRead,
): (string | undefined)[] | Promise<(string | undefined)[]> {
  const damaged = new Set<number>()
  const rows = read.plan.lookups.map((lookup) => findRow(lookup, read.blocks, damaged))
  return damaged.size === 0 ? rows : findInReplaced(platform, snapshot, { read, rows, damaged })
}

interface DamagedRead {
  readonly read: PlannedRead
  readonly rows: (string | undefined)[]
  /** Positions of blocks. */
  readonly damaged: ReadonlySet<number>
}

async function findInReplaced(
  platform: Platform,
  snapshot: ServedGeneration,
  { read: { plan, blocks, cost }, rows, damaged }: DamagedRead,
): Promise<(string | undefined)[]> {
  const positions = [...damaged]
  const replaced = await replaceBlocks(platform, snapshot, {
    blocks: positions.map((position) => plan.blocks[position]!),
    cost,
  })
  for (const [at, position] of positions.entries()) blocks[position] = replaced[at]
  const stillDamaged = new Set<number>()
  for (const [at, lookup] of plan.lookups.entries()) {
    if (damaged.has(lookup.block)) rows[at] = findRow(lookup, blocks, stillDamaged)
  }
  for (const position of stillDamaged) blocks[position] = undefined
  return rows
}

function findRow(
  { block: position, hashLow, key }: PlannedLookup,
  blocks: readonly (Block | undefined)[],
  damaged: Set<number>,
): string | undefined {
  const block = blocks[position]
  if (block === undefined) return undefined
  try {
    return findBlockRow(block, hashLow, key)
  } catch {
    damaged.add(position)
    return undefined
  }
}
