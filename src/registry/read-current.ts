import { SNAPSHOT_FORMAT } from '../definitions/snapshot.ts'
import type { VersionedSet } from '../definitions/transition.ts'
import type { GenerationHead, Platform } from '../platform.ts'
import { type KnownGeneration, NEVER_APPLIED, type NewHead, versionNumbers } from './make-generation.ts'

/** The newest generation, of number 0 before the first apply, for another to be made of it. */
export async function readCurrent(platform: Platform): Promise<KnownGeneration> {
  return readKnown(platform, await platform.registry.readHead())
}

/** A generation with what it was compiled to. */
export async function readKnown(
  platform: Platform,
  head: GenerationHead | undefined,
): Promise<KnownGeneration> {
  if (head === undefined) return { head: NEVER_APPLIED, snapshot: undefined }
  const snapshot = await platform.registry.readSnapshot(head.generation)
  return { head, snapshot: snapshot?.format === SNAPSHOT_FORMAT ? snapshot : undefined }
}

/** A generation as far as versions go. */
export function versionedSet({ generation, index, versions, transition }: NewHead): VersionedSet {
  return { generation, services: index.feature_services, versions: versionNumbers(versions), transition }
}
