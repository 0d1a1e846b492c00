import { compileDefinitions } from '../definitions/compile.ts'
import { type DefinitionSet, EMPTY_DEFINITIONS } from '../definitions/definition-set.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import {
  SETTLED,
  type Transition,
  type VersionedSet,
  type VersionNumbers,
} from '../definitions/transition.ts'
import type { Generation, Platform, ViewVersion } from '../platform.ts'
import type { CurrentDefinitions } from './plan-versions.ts'

/** The newest generation, of number 0 before the first apply, and what was before it. */
export interface Current extends Omit<Generation, 'appliedTime' | 'author'>, CurrentDefinitions {}

export async function readCurrent(platform: Platform): Promise<Current> {
  const [newest, versionsEver] = await Promise.all([
    platform.registry.read(),
    platform.registry.readVersions(),
  ])
  return {
    generation: newest?.generation ?? 0,
    definitions: newest?.definitions ?? EMPTY_DEFINITIONS,
    versions: newest?.versions ?? {},
    blockBits: newest?.blockBits ?? {},
    transition: newest?.transition ?? SETTLED,
    versionsEver,
  }
}

/** A generation as far as versions go. */
export function versionedSet({
  generation,
  definitions,
  versions,
  transition,
}: Omit<Current, 'blockBits' | 'versionsEver'>): VersionedSet {
  return { generation, definitions, versions: versionNumbers(versions), transition }
}

export function versionNumbers(versions: Readonly<Record<string, ViewVersion>>): VersionNumbers {
  return Object.fromEntries(Object.entries(versions).map(([view, { version }]) => [view, version]))
}

/** The definitions of all generations that a transition names; `known` are those at hand. */
export async function readFormers(
  { registry }: Platform,
  { kept, held }: Transition,
  known: Pick<Generation, 'generation' | 'definitions'>,
): Promise<ReadonlyMap<number, DefinitionSet>> {
  const named = new Set([...Object.values(kept), ...Object.values(held).map(({ generation }) => generation)])
  const formers = new Map([[known.generation, known.definitions]])
  for (const generation of named) {
    if (generation === 0 || formers.has(generation)) continue
    const former = await registry.read(generation)
    if (former !== undefined) formers.set(generation, former.definitions)
  }
  return formers
}

/** What a generation is compiled to; `known` is another one at hand. */
export async function compileGeneration(
  platform: Platform,
  generation: Pick<Generation, 'generation' | 'definitions' | 'versions' | 'blockBits' | 'transition'>,
  known: Pick<Generation, 'generation' | 'definitions'> = generation,
): Promise<Snapshot> {
  const { definitions, versions, blockBits, transition } = generation
  const formers = await readFormers(platform, transition, known)
  return compileDefinitions(definitions, {
    generation: generation.generation,
    versions: versionNumbers(versions),
    blockBits,
    transition,
    formers,
  })
}
