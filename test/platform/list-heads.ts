import { blockHead } from '../../src/core/block.ts'
import { type BlockSpace, blockKey } from '../../src/definitions/block-key.ts'

/** Keys that one operation of KV lists. */
export const LISTED_KEYS_MAX = 1_000

/** Heads of a group's blocks as KV lists them: in order of their keys, as far as so many operations come. */
export function listHeads(
  texts: Iterable<readonly [key: string, text: string]>,
  space: BlockSpace,
  { operationsMax }: { readonly operationsMax: number },
): Map<string, string> {
  const ofGroup = [...texts].filter(([key]) => key.startsWith(blockKey(space, '')))
  ofGroup.sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(
    ofGroup.slice(0, operationsMax * LISTED_KEYS_MAX).map(([key, text]) => [key, blockHead(text)]),
  )
}
