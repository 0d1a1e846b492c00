import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import type { Value } from '../core/value.ts'
import { blockKey } from '../definitions/block-key.ts'
import type { CompiledEntity, CompiledGroup, CompiledService, Snapshot } from '../definitions/snapshot.ts'

/** Which blocks a read needs and where in them each looked-up entity is. Pure: its cost can be counted. */
export interface ReadPlan {
  /** Distinct blocks, in order of first use. */
  readonly blocks: readonly PlannedBlock[]
  /** Row by row, lookup by lookup (`row * lookups + lookup`). */
  readonly lookups: readonly PlannedLookup[]
}

export interface PlannedBlock {
  /** KV key. */
  readonly key: string
  readonly entity: CompiledEntity
  readonly group: CompiledGroup
  /** Top bits of the hashes it holds, as text. */
  readonly bits: string
}

export interface PlannedLookup {
  /** Position in `blocks`. */
  readonly block: number
  /** Encoded key and low word of its hash. */
  readonly key: string
  readonly hashLow: number
}

/** `rows[i]` are the values of the service's inputs, in order. */
export function planRead(
  snapshot: Snapshot,
  service: CompiledService,
  rows: readonly (readonly Value[])[],
): ReadPlan {
  const blocks: PlannedBlock[] = []
  const lookups: PlannedLookup[] = []
  const positions = new Map<string, number>()
  const entities = service.lookups.map(({ entity }) => snapshot.entities[entity]!)
  const groups = service.lookups.map(({ group }, at) => entities[at]!.groups[group]!)
  const keyTypes = entities.map(({ joinKeys }) => joinKeys.map(({ type }) => type))
  for (const row of rows) {
    for (let at = 0; at < entities.length; at++) {
      const entity = entities[at]!
      const group = groups[at]!
      const key = encodeKey(
        keyTypes[at]!,
        service.lookups[at]!.inputs.map((input) => row[input]!),
      )
      const { high, low } = hashKey(key)
      const bits = bitsText(topBits(high, group.blockBits), group.blockBits)
      const name = blockKey({ entity: entity.name, group: group.name }, bits)
      let block = positions.get(name)
      if (block === undefined) {
        block = blocks.push({ key: name, entity, group, bits }) - 1
        positions.set(name, block)
      }
      lookups.push({ block, key, hashLow: low })
    }
  }
  return { blocks, lookups }
}
