import { EMPTY_DEFINITIONS } from '../definitions/definition-set.ts'
import type { Generation, Platform } from '../platform.ts'
import { NEVER_APPLIED } from './make-generation.ts'

const NOTHING: Generation = { ...NEVER_APPLIED, appliedTime: 0, author: '', definitions: EMPTY_DEFINITIONS }

/** The newest generation as it was applied, read anew only when there is a newer one: for people, not for serving. */
export async function readNewestDefinitions(platform: Platform): Promise<Generation> {
  const { memory, registry } = platform
  const newest = await registry.readGeneration()
  if (newest === 0) return NOTHING
  if (memory.applied?.generation !== newest) memory.applied = await registry.read()
  return memory.applied ?? NOTHING
}
