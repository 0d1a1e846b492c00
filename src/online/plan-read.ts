import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Value, ValueType } from '../core/value.ts'
import { blockKey } from '../definitions/block-key.ts'
import type {
  CompiledEntity,
  CompiledGroup,
  CompiledLookup,
  CompiledService,
  ServingSnapshot,
} from '../definitions/snapshot.ts'

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
  snapshot: ServingSnapshot,
  service: CompiledService,
  rows: readonly (readonly Value[])[],
): ReadPlan {
  const blocks: PlannedBlock[] = []
  const lookups: PlannedLookup[] = []
  const places = placesOf(snapshot, service)
  /** Positions of the blocks that have been planned, by lookup and range. */
  const positionsByRange = places.map(() => new Map<number, number>())
  for (const row of rows) {
    for (const { entity, group, views, keyTypes, inputs, first } of places) {
      const key = encodeKey(
        keyTypes,
        inputs.map((input) => row[input]!),
      )
      const { high, low } = hashKey(key)
      const range = topBits(high, group.blockBits)
      const positions = positionsByRange[first]!
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

/** Where the keys of one lookup are. */
interface LookupPlace {
  readonly entity: CompiledEntity
  readonly group: CompiledGroup
  readonly views: readonly string[]
  readonly keyTypes: readonly ValueType[]
  /** Position of each join key among a row's values. */
  readonly inputs: readonly number[]
  /** Position of the first lookup with the same group: it has the same blocks. */
  readonly first: number
}

const placesByLookups = new WeakMap<readonly CompiledLookup[], readonly LookupPlace[]>()

/** Made once for a service of a snapshot, whatever features of it are asked for. */
function placesOf(snapshot: ServingSnapshot, { lookups }: CompiledService): readonly LookupPlace[] {
  let places = placesByLookups.get(lookups)
  if (places === undefined) {
    const groups = lookups.map(
      ({ entity, group }) => snapshot.entities[entity]!.groups.find(({ name }) => name === group)!,
    )
    places = lookups.map(({ entity: name, inputs, views }, at) => {
      const entity = snapshot.entities[name]!
      const group = groups[at]!
      const keyTypes = entity.joinKeys.map(({ type }) => type)
      return { entity, group, views, keyTypes, inputs, first: groups.indexOf(group) }
    })
    placesByLookups.set(lookups, places)
  }
  return places
}

function tooManyBlocks(count: number) {
  return new FeatureStoreError(
    'limit_exceeded',
    `Cannot read entities at once: they lie in ${count} blocks, at most ${LIMITS.readBlocksMax} are read for one request; ask for fewer entities`,
  )
}
