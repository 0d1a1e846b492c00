import { type BlockRow, encodeBlock } from '../src/core/block.ts'
import { encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { blockKey } from '../src/definitions/block-key.ts'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { DefinitionSet } from '../src/definitions/definition-set.ts'
import type { Snapshot } from '../src/definitions/snapshot.ts'
import { createProfile, profileDefinitions } from './profiles.ts'

/** Blocks are split once they are larger than this: so they have 8 to 16 kB. */
const BLOCK_BYTES_MAX = 16_384
const SAMPLE_ROWS = 100

export interface ProfilesOptions {
  readonly featureCount: number
  /** Users in the store. */
  readonly userCount: number
  /** Users that will be asked for: only their blocks are made, with everybody in them. */
  readonly users: Iterable<number>
}

/**
 * What KV holds once the writers of a large store have published it: definitions and blocks, in the layout the store
 * has for so many users. Loading millions of rows through the doors would take hours and serve the same texts.
 */
export function publishProfiles({ featureCount, userCount, users }: ProfilesOptions): Map<string, string> {
  const snapshot = layOut(featureCount, userCount)
  const entity = snapshot.entities.user!
  const rangeOf = (user: number) => topBits(hashKey(String(user)).high, entity.blockBits)
  const rowsByRange = new Map<number, BlockRow[]>()
  for (const user of users) rowsByRange.set(rangeOf(user), [])
  for (let user = 0; user < userCount; user++) {
    rowsByRange.get(rangeOf(user))?.push(createRow(user, featureCount))
  }
  const texts = new Map([
    ['definitions/1', JSON.stringify(snapshot)],
    ['definitions/current', '1'],
  ])
  for (const [range, rows] of rowsByRange) {
    texts.set(blockKey(entity, range), encodeBlock(entity.views, Date.now(), rows))
  }
  return texts
}

function layOut(featureCount: number, userCount: number): Snapshot {
  const definitions = DefinitionSet.parse(profileDefinitions(featureCount))
  const snapshot = compileDefinitions(definitions, { profile: 1 }, 1)
  const user = snapshot.entities.user!
  const rows = Array.from({ length: SAMPLE_ROWS }, (_, at) => createRow(at, featureCount))
  const rowBytes = encodeBlock(user.views, Date.now(), rows).length / SAMPLE_ROWS
  const blockBits = Math.max(1, Math.ceil(Math.log2((userCount * rowBytes) / BLOCK_BYTES_MAX)))
  const layout = { shardBits: Math.min(user.shardBits, blockBits), blockBits }
  return { ...snapshot, entities: { user: { ...user, ...layout } } }
}

function createRow(user: number, featureCount: number): BlockRow {
  const key = encodeKey(['int64'], [BigInt(user)])
  const cells = createProfile(user, featureCount).join(',')
  return { key, hashLow: hashKey(key).low, views: [{ eventTime: (Date.now() - 60_000) * 1_000, cells }] }
}
