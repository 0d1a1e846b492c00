import { EMPTY_DEFINITIONS } from '../definitions/definition-set.ts'
import { SETTLED } from '../definitions/transition.ts'
import type { Generation, Platform } from '../platform.ts'

const NEVER_APPLIED: Generation = {
  generation: 0,
  appliedTime: 0,
  author: '',
  definitions: EMPTY_DEFINITIONS,
  versions: {},
  blockBits: {},
  transition: SETTLED,
}

/** The newest generation as it was applied, read anew only when there is a newer one: for people, not for serving. */
export async function readNewestDefinitions(platform: Platform): Promise<Generation> {
  const { memory, registry } = platform
  const newest = await registry.readGeneration()
  if (newest === 0) return NEVER_APPLIED
  if (memory.applied?.generation !== newest) memory.applied = await registry.read()
  return memory.applied ?? NEVER_APPLIED
}
