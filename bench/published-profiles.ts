import { meanBytesMax } from '../src/batch/start-jobs.ts'
import { type BlockRow, encodeBlock } from '../src/core/block.ts'
import { bitsText, encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { blockKey } from '../src/definitions/block-key.ts'
import { BLOCK_BITS_MIN, compileDefinitions, groupName } from '../src/definitions/compile.ts'
import { DefinitionSet } from '../src/definitions/definition-set.ts'
import type { Snapshot } from '../src/definitions/snapshot.ts'
import { createProfile, profileDefinitions } from './profiles.ts'
import { snapshotTexts } from './snapshot-texts.ts'

/** As deployed. */
const BOUNDS = { blockBytesMax: 16_000, cacheBytesMax: 32_000_000 }
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
  const [group] = snapshot.entities.user!.groups
  const { name, blockBits, views } = group!
  const rangeOf = (user: number) => topBits(hashKey(String(user)).high, blockBits)
  const rowsByRange = new Map<number, BlockRow[]>()
  for (const user of users) rowsByRange.set(rangeOf(user), [])
  for (let user = 0; user < userCount; user++) {
    rowsByRange.get(rangeOf(user))?.push(createRow(user, featureCount))
  }
  const texts = new Map([...snapshotTexts(snapshot)])
  for (const [range, rows] of rowsByRange) {
    const key = blockKey({ entity: 'user', group: name }, bitsText(range, blockBits))
    texts.set(key, encodeBlock(views, Date.now(), rows))
  }
  return texts
}

function layOut(featureCount: number, userCount: number): Snapshot {
  const definitions = DefinitionSet.parse(profileDefinitions(featureCount))
  const compile = (blockBits: Readonly<Record<string, number>>) =>
    compileDefinitions(definitions, { generation: 1, versions: { profile: 1 }, blockBits })
  const rows = Array.from({ length: SAMPLE_ROWS }, (_, at) => createRow(at, featureCount))
  const rowBytes = encodeBlock(['profile@1'], Date.now(), rows).length / SAMPLE_ROWS
  const groupBytes = userCount * rowBytes
  const blockBits = Math.ceil(Math.log2(groupBytes / meanBytesMax(groupBytes, BOUNDS)))
  return compile({ [groupName('user', 'main')]: Math.max(BLOCK_BITS_MIN, blockBits) })
}

function createRow(user: number, featureCount: number): BlockRow {
  const key = encodeKey(['int64'], [BigInt(user)])
  const cells = createProfile(user, featureCount).join(',')
  return { key, hashLow: hashKey(key).low, views: [{ eventTime: (Date.now() - 60_000) * 1_000, cells }] }
}
