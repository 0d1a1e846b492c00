import { type BlockRow, encodeBlock } from '../src/core/block.ts'
import { bitsText, encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { encodeTiles } from '../src/core/window/tile-text.ts'
import { addEvent, createTiles } from '../src/core/window/tiles.ts'
import { blockKey } from '../src/definitions/block-key.ts'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { DefinitionSet, type DefinitionSetInput } from '../src/definitions/definition-set.ts'
import type { CompiledView, Snapshot } from '../src/definitions/snapshot.ts'
import { windowPlan } from '../src/definitions/view-transform.ts'
import { createLoopClient } from './closed-loop.ts'
import { compareWarm, type WarmOptions } from './compare-warm.ts'
import type { Comparison } from './comparison.ts'
import { createProfile, profileDefinitions } from './profiles.ts'
import { createRandom, randomInt } from './random.ts'
import { FEATURE_COUNT, startStore } from './serving-workers.ts'
import { snapshotTexts } from './snapshot-texts.ts'

const USER_COUNT = 2_000
const BATCH_USERS = 100
/** One in every hour of the longer window and, by that, in one or two tiles of the shorter. */
const EVENTS_PER_USER = 25
const MINUTE_US = 60_000_000

/** Five functions of one expression over two windows: as many features as the plain view has. */
const WINDOWS = ['1h', '24h']
const FUNCTIONS = ['count', 'sum', 'mean', 'min', 'max'] as const

/**
 * BatchGet of windowed features, finished at now, against BatchGet of as many that lie ready, both of the store itself,
 * warm: the blocks are in the cache, and most rows have been asked for since the last move of a tail.
 */
export async function measureWindowed(options: Omit<WarmOptions, 'name'>): Promise<Comparison> {
  const client = createLoopClient()
  const store = await startStore()
  try {
    const { texts, rowBytes } = publish()
    await store.putTexts(texts)
    const random = createRandom(8)
    const users = () => Array.from({ length: BATCH_USERS }, () => randomInt(random, USER_COUNT))
    checkCounts(await client.send(store.batchGetOf('windowed', [0, 1])))
    const compared = await compareWarm(
      client,
      { ...options, name: 'batch_get_100_windowed' },
      {
        ours: () => store.batchGetOf('windowed', users()),
        baseline: () => store.batchGetOf('bench', users()),
      },
    )
    return { ...compared, facts: { bytes_of_entity: rowBytes } }
  } finally {
    client.close()
    await store.close()
  }
}

/** Throws unless every event is counted: an answer of nothing would be quick. */
function checkCounts(body: string): void {
  const { feature_names, rows } = JSON.parse(body) as { feature_names: string[]; rows: number[][] }
  const counts = rows.map((row) => row[feature_names.indexOf('count_24h')])
  if (counts.length !== 2 || counts.some((count) => count !== EVENTS_PER_USER)) {
    throw new Error(`Cannot measure: counts over 24 hours are ${counts}, ${EVENTS_PER_USER} is right`)
  }
}

function windowedDefinitions(): DefinitionSetInput {
  const plain = profileDefinitions(FEATURE_COUNT)
  const aggregations = FUNCTIONS.map((name) => ({ name, function: name, sql: 'f0', windows: WINDOWS }))
  return {
    ...plain,
    feature_views: [
      ...plain.feature_views!,
      { name: 'activity', entity: 'user', source: 'profiles', aggregations },
    ],
    feature_services: [...plain.feature_services!, { name: 'windowed', features: [{ view: 'activity' }] }],
  }
}

/** What KV holds once the writers have published it. */
function publish(): { readonly texts: Map<string, string>; readonly rowBytes: number } {
  const snapshot = compileDefinitions(DefinitionSet.parse(windowedDefinitions()), {
    generation: 1,
    versions: { profile: 1, activity: 1 },
    blockBits: {},
  })
  const texts = new Map([...snapshotTexts(snapshot)])
  const nowUs = Date.now() * 1_000
  putBlocks(texts, snapshot, {
    view: 'profile@1',
    cellsOf: (user) => createProfile(user, FEATURE_COUNT).join(),
  })
  const view = snapshot.views['activity@1']!
  putBlocks(texts, snapshot, { view: view.id, cellsOf: (user) => encodeActivity(view, user, nowUs) })
  return { texts, rowBytes: encodeActivity(view, 0, nowUs).length }
}

interface PublishedView {
  readonly view: string
  readonly cellsOf: (user: number) => string
}

function putBlocks(texts: Map<string, string>, snapshot: Snapshot, { view, cellsOf }: PublishedView): void {
  const { blockBits, name, views } = snapshot.entities.user!.groups.find((group) =>
    group.views.includes(view),
  )!
  const eventTime = (Date.now() - 60_000) * 1_000
  const rowsByRange = new Map<string, BlockRow[]>()
  for (let user = 0; user < USER_COUNT; user++) {
    const key = encodeKey(['int64'], [BigInt(user)])
    const { high, low } = hashKey(key)
    const range = bitsText(topBits(high, blockBits), blockBits)
    const rows = rowsByRange.get(range) ?? []
    rows.push({ key, hashLow: low, views: [{ eventTime, cells: cellsOf(user) }] })
    rowsByRange.set(range, rows)
  }
  for (const [range, rows] of rowsByRange) {
    texts.set(blockKey({ entity: 'user', group: name }, range), encodeBlock(views, Date.now(), rows))
  }
}

/** A user's tiles: the newest event some minutes old, one every 55 minutes before. */
function encodeActivity({ windows }: CompiledView, user: number, nowUs: number): string {
  const plan = windowPlan(windows!)
  const tiles = createTiles(plan)
  const random = createRandom(user)
  for (let event = 0; event < EVENTS_PER_USER; event++) {
    const eventTime = nowUs - (event * 55 + 1 + randomInt(random, 5)) * MINUTE_US
    const times = { eventTime, createdTime: eventTime, sequenceTime: eventTime }
    const stamp = { ...times, sequenceOrigin: 'bench', sequenceIndex: event }
    addEvent(plan, tiles, { stamp, inputs: [random() * 1_000] })
  }
  return encodeTiles(plan, tiles)
}
