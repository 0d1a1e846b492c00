import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Value, ValueType } from '../core/value.ts'
import { blockKey } from '../definitions/block-key.ts'
import type { CompiledEntity, CompiledGroup, CompiledService, Snapshot } from '../definitions/snapshot.ts'

/** Which blocks a read needs and where in them each looked-up entity is. Pure: its cost can be counted. */
export interface ReadPlan {
  /** Distinct blocks, in order of first use; at most `LIMITS.readBlocksMax`. */
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
  /** Ids of the views that are read in it. */
  readonly views: readonly string[]
}

export interface PlannedLookup {
  /** Position in `blocks`. */
  readonly block: number
  /** Encoded key and low word of its hash. */
  readonly key: string
  readonly hashLow: number
}

/** `rows[i]` are the values of the service's inputs, in order. Throws `limit_exceeded` past the limit of blocks. */
export function planRead(
  snapshot: Snapshot,
  service: CompiledService,
  rows: readonly (readonly Value[])[],
): ReadPlan {
  const blocks: PlannedBlock[] = []
  const lookups: PlannedLookup[] = []
  const places = planPlaces(snapshot, service)
  for (const row of rows) {
    for (const { entity, group, views, keyTypes, inputs, positions } of places) {
      const key = encodeKey(
        keyTypes,
        inputs.map((input) => row[input]!),
      )
      const { high, low } = hashKey(key)
      const range = topBits(high, group.blockBits)
      let block = positions.get(range)
      if (block === undefined) {
        const bits = bitsText(range, group.blockBits)
        const name = blockKey({ entity: entity.name, group: group.name }, bits)
        block = blocks.push({ key: name, entity, group, bits, views }) - 1
        positions.set(range, block)
      }
      lookups.push({ block, key, hashLow: low })
    }
  }
  if (blocks.length > LIMITS.readBlocksMax) throw tooManyBlocks(blocks.length)
  return { blocks, lookups }
}

/** Where the keys of one lookup are: the blocks of its group that have been planned, by range. */
interface PlannedPlace {
  readonly entity: CompiledEntity
  readonly group: CompiledGroup
  readonly views: readonly string[]
  readonly keyTypes: readonly ValueType[]
  /** Position of each join key among a row's values. */
  readonly inputs: readonly number[]
  /** Shared by lookups of one entity and group, for they share its blocks. */
  readonly positions: Map<number, number>
}

function planPlaces(snapshot: Snapshot, { lookups }: CompiledService): PlannedPlace[] {
  const positionsByGroup = new Map<CompiledGroup, Map<number, number>>()
  return lookups.map(({ entity: name, group: at, inputs, views }) => {
    const entity = snapshot.entities[name]!
    const group = entity.groups[at]!
    const positions = positionsByGroup.get(group) ?? new Map<number, number>()
    positionsByGroup.set(group, positions)
    return { entity, group, views, keyTypes: entity.joinKeys.map(({ type }) => type), inputs, positions }
  })
}

function tooManyBlocks(count: number) {
  return new FeatureStoreError(
    'limit_exceeded',
    `Cannot read entities at once: they lie in ${count} blocks, at most ${LIMITS.readBlocksMax} are read for one request; ask for fewer entities`,
  )
}
