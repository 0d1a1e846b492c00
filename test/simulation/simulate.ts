import { fillView } from '../../src/batch/fill-view.ts'
import { decodeBlockRows, openBlock } from '../../src/core/block.ts'
import { createBlockCache } from '../../src/core/block-cache.ts'
import { encodeKey } from '../../src/core/entity-key.ts'
import type { Stamp } from '../../src/core/row.ts'
import { openSegment } from '../../src/core/segment.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue } from '../../src/core/value.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { TOMBSTONE_COLUMN, tombstoneLog } from '../../src/definitions/segment-record.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { writerLayout } from '../../src/definitions/writer-layout.ts'
import { consumeEvents } from '../../src/ingest/consume-events.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import type { Delivery, Platform, RawDelivery } from '../../src/platform.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { makeGeneration } from '../../src/registry/make-generation.ts'
import { readCurrent } from '../../src/registry/read-current.ts'
import { resolveForHistory, resolveInNewest } from '../../src/registry/resolve-name.ts'
import { storeGeneration } from '../../src/registry/store-generation.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type FaultyOnline, faultyOnline } from '../platform/faulty-online.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const KEYS = ['ann', 'bob', 'a"b,c', 'ü', 'eve']
const LATEST = ['price', 'colour'] as const
const VIEWS = [...LATEST, 'activity'] as const
const WINDOWS_US = [60 * SECOND, 300 * SECOND]
const HOP_US = 30 * SECOND
const TTL_US = 400 * SECOND
const STEPS = 35
/** Effects that a writer waits for; deliveries may come in meanwhile. */
const OUTSIDE = /^(untilIdle|writeBlock|deleteBlock|writeSegment|register|list)$/

/** One entity, two views in two groups of blocks, from one source that gives created times. */
const DEFINITIONS: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      created_time: 'made',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'made', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'value', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'price',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'value' }],
      ttl: '400s',
    },
    {
      name: 'colour',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'colour', type: 'int64', sql: 'value' }],
      block_group: 'colours',
    },
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [
        { name: 'count', function: 'count', sql: 'value', windows: ['1m', '5m'], hop: '30s' },
        { name: 'sum', function: 'sum', sql: 'value', windows: ['1m', '5m'], hop: '30s' },
      ],
    },
  ],
  feature_services: [
    { name: 'ranker', features: [{ view: 'price' }, { view: 'colour' }, { view: 'activity' }] },
  ],
}

/** Views that come on the way: they are filled with the rows of before. */
const GROWN: DefinitionSetInput = {
  ...DEFINITIONS,
  feature_views: [
    ...DEFINITIONS.feature_views!,
    {
      name: 'size',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'size', type: 'int64', sql: 'value' }],
    },
    { ...DEFINITIONS.feature_views!.at(-1)!, name: 'pulse' },
  ],
  feature_services: [
    ...DEFINITIONS.feature_services!,
    { name: 'watcher', features: [{ view: 'size' }, { view: 'pulse' }] },
  ],
}

/** A row or a tombstone that was accepted. */
interface Written extends Stamp {
  readonly key: string
  readonly value: bigint | null
  /** Views it deletes from; undefined for a row. */
  readonly deletes?: readonly string[]
}

/** What a seed came to, for those who watch. */
export interface SimulationReport {
  readonly rows: number
  readonly crashes: number
  /** Statements of writers' storage that failed. */
  readonly storageFaults: number
  /** How often a view moved to another group of blocks. */
  readonly moves: number
  readonly refusedPuts: number
  readonly puts: number
  /** Deliveries of consumers with an old snapshot that writers refused. */
  readonly staleDeliveries: number
}

export interface SimulationOptions {
  /** Consumers' snapshots are up to this old. */
  readonly snapshotStaleMs?: number
  /** Breaks the writers on purpose: they take deliveries made under an older generation. */
  readonly takesStale?: boolean
}

/**
 * Runs random events through the real doors, consumer and writers: duplicates, other orders, redelivery in other batches, late rows,
 * deletions, growing blocks, a new view, readers and consumers with old snapshots, failing stores, crashes between any two effects. Then lets everything come to rest and compares
 * latest values, statuses, log and history with the plain truth. Throws where they part.
 */
export async function simulate(
  seed: number,
  { snapshotStaleMs = 60_000, takesStale = false }: SimulationOptions = {},
): Promise<SimulationReport> {
  const random = createRandom(seed)
  const below = (count: number) => Math.floor(random() * count)
  const chance = (fraction: number) => random() < fraction
  const crashFraction = [0, 0.01, 0.05][below(3)]!
  const failFraction = () => [0, 0, 0.2, 0.8][below(4)]!
  // What asks for the log may fail where what adds to it does not, and the other way round.
  const failFractions = { writeSegment: failFraction(), register: failFraction(), list: failFraction() }
  // Apart from what else happens by chance: a seed is the same but for them.
  const ofStorage = createRandom(seed ^ 0x5eed)
  const storageFraction = [0, 0.005, 0.05][Math.floor(ofStorage() * 3)]!
  /** When a view moves between groups of blocks, and where. */
  const ofGroups = createRandom(seed ^ 0x9709)
  let online: FaultyOnline | undefined
  let areFaultsOn = true
  /** How many of the effects outside let deliveries come in before they are done. */
  let busyFraction = 0.05
  let isAtDoor = false
  let crashes = 0
  let storageFaults = 0
  /** So many of the next statements fail. */
  let storageDownFor = 0
  const platform: MemoryPlatform = memoryPlatform(START, {
    limits: {
      cutAgeMs: 10_000,
      rowsPerCheckpoint: 1 + below(4),
      // So short that a deletion or two that have to stay are less than half of it.
      journalCharsMax: ofStorage() < 0.5 ? 1_000 : 1_000_000,
      putsMax: 40,
    },
    memoryBytesMax: chance(0.3) ? 3_000 : 1_000_000,
    online: (clock) => {
      online = faultyOnline(clock, random, { staleMs: 60_000, putFailures: chance(0.5) ? 0.2 : 0 })
      return online
    },
    statement() {
      if (!areFaultsOn) return
      if (storageDownFor === 0 && ofStorage() < storageFraction)
        storageDownFor = 1 + Math.floor(ofStorage() ** 2 * 12)
      if (storageDownFor === 0) return
      storageDownFor--
      storageFaults++
      throw new Error('SQLite does not answer')
    },
    effect(name, run) {
      if (OUTSIDE.test(name) && chance(busyFraction)) return meanwhile().then(run) as ReturnType<typeof run>
      if (!areFaultsOn) return run()
      const fraction = Object.hasOwn(failFractions, name)
        ? failFractions[name as keyof typeof failFractions]
        : 0
      if (chance(fraction)) throw new Error('R2 does not answer')
      if (!chance(crashFraction)) return run()
      crashes++
      if (chance(0.5)) {
        platform.crash()
        throw new Error(`crashed before ${name}`)
      }
      const outcome = run()
      platform.crash()
      if (outcome instanceof Promise) {
        return outcome.then(() => {
          throw new Error(`crashed after ${name}`)
        }) as typeof outcome
      }
      throw new Error(`crashed after ${name}`)
    },
  })
  // Isolates name what they take in each for itself: ids rise with time only about.
  const nextId = platform.nextId
  Object.assign(platform, { nextId: () => below(10) + nextId() })
  await applyClicks(platform, DEFINITIONS)
  const generations: { readonly time: number; readonly generation: number }[] = []
  const noteGeneration = async () =>
    generations.push({ time: platform.time.now, generation: await platform.registry.readGeneration() })
  // Few blocks, so that keys share them and that dividing them costs little: two doublings say what five would.
  await applyWidths({ 'user/main': 3, 'user/colours': 2, 'user/windows': 3 })
  const written: Written[] = []
  const sent: string[] = []
  let hasGrown = false
  /** The group of blocks that a view stands in by now. */
  let colourGroup = 'colours'
  let moves = 0
  let staleDeliveries = 0
  const consumer = stalePlatform()
  let width = 3
  let phase: 'rest' | 'fill' | 'drop' = 'rest'

  const actions: (() => Promise<void>)[] = [
    push,
    push,
    push,
    remove,
    consume,
    consume,
    consume,
    work,
    work,
    redeliver,
    wait,
    readNothingForeign,
    async () => platform.crash(),
    reblock,
    grow,
  ]
  for (let step = 0; step < STEPS; step++) {
    if (ofGroups() < 0.05) await moveView()
    await actions[below(actions.length)]!()
  }
  await rest()
  await check()
  return {
    rows: written.length,
    crashes,
    storageFaults,
    moves,
    refusedPuts: online!.counts.refused,
    puts: online!.counts.puts,
    staleDeliveries,
  }

  /** An isolate of its own, on whose definitions the newest are only seen after a while. */
  function stalePlatform(): Platform {
    return {
      ...platform,
      memory: {
        ...platform.memory,
        blocks: createBlockCache(1_000_000),
        served: undefined,
        written: undefined,
      },
      registry: {
        ...platform.registry,
        async readGeneration() {
          const seen = areFaultsOn
            ? platform.time.now - random() * snapshotStaleMs * 1_000
            : platform.time.now
          return (generations.findLast(({ time }) => time <= seen) ?? generations[0]!).generation
        },
      },
      writers: { ...platform.writers, deliver },
      rawWriters: { ...platform.rawWriters, deliver: deliverRaw },
    }
  }

  async function deliver(delivery: Delivery) {
    const { entity, shard } = delivery.layout
    const layout = takesStale
      ? writerLayout(await readWritingSnapshot(platform, { entities: [entity.name] }), entity.name, shard)
      : delivery.layout
    const answer = await platform.writers.deliver({ ...delivery, layout })
    if (answer.status === 'stale') staleDeliveries++
    return answer
  }

  async function deliverRaw(delivery: RawDelivery) {
    const generation = takesStale ? await platform.registry.readGeneration() : delivery.layout.generation
    const answer = await platform.rawWriters.deliver({
      ...delivery,
      layout: { ...delivery.layout, generation },
    })
    if (answer.status === 'stale') staleDeliveries++
    return answer
  }

  /** New views are applied, once, and later their fills go on for a while, with anything in between. */
  async function grow() {
    if (!hasGrown) {
      if (chance(takesStale ? 0.5 : 0.8)) return
      hasGrown = true
      platform.heldJobs = []
      await applyClicks(platform, inGroup(GROWN, colourGroup))
    } else for (const id of platform.heldJobs ?? []) await quietly(() => fillOn(id, below(12)))
    await noteGeneration()
  }

  /** A view moves to another group of blocks, perhaps back to where it was, while the blocks of before are being deleted. */
  async function moveView() {
    colourGroup = ['colours', 'own', 'main'][Math.floor(ofGroups() * 3)]!
    await applyClicks(platform, inGroup(hasGrown ? GROWN : DEFINITIONS, colourGroup))
    await noteGeneration()
    if (colourGroup !== 'main') await applyWidths({ [`user/${colourGroup}`]: 2 })
    moves++
  }

  /** Runs a fill from its first step on until it is cut off. */
  async function fillOn(id: string, steps: number) {
    let left = steps
    await fillView(platform, id, {
      async step(_, run) {
        if (left-- <= 0) throw new Error('crashed between two steps')
        for (let acts = below(3); acts > 0; acts--)
          await [push, consume, consume, work, remove, redeliver][below(6)]!()
        return run()
      },
      async sleep() {},
    })
  }

  async function push() {
    const doorTime = platform.time.now
    const rows = Array.from({ length: 1 + below(4) }, () => {
      const value = chance(0.1) ? null : BigInt(below(1_000_000))
      // Of rows of one event time the later created wins, and of those of one created time the sequence decides.
      const twin = chance(0.2) ? written.filter(({ deletes }) => deletes === undefined).at(-1) : undefined
      if (twin !== undefined)
        return { key: twin.key, at: twin.eventTime, made: twin.createdTime - below(2) * SECOND, value }
      return {
        key: KEYS[below(KEYS.length)]!,
        at: doorTime + (below(4) === 0 ? below(60) : -below(120)) * SECOND,
        made: doorTime - below(3) * SECOND,
        value,
      }
    })
    const events = rows.map(({ key, at, made, value }) => ({
      at: formatInstant(at),
      made: formatInstant(made),
      user: key,
      value,
    }))
    const { push_id } = await atDoor(() => pushEvents(platform, { source: 'clicks', events }))
    rows.forEach(({ key, at, made, value }, index) => {
      written.push({ key, value, ...stamp(push_id, doorTime, index), eventTime: at, createdTime: made })
    })
  }

  async function remove() {
    const doorTime = platform.time.now
    // Half of them cut through a tile, where one holds two events of a key: its windows have to be made anew.
    const events = written.filter(({ deletes }) => deletes === undefined)
    const isCut = (a: Written) =>
      events.some(
        (b) => b.key === a.key && b.eventTime > a.eventTime && tileOf(b.eventTime) === tileOf(a.eventTime),
      )
    const meant = chance(0.5) ? events.findLast(isCut) : undefined
    const key = meant?.key ?? KEYS[below(KEYS.length)]!
    const anytime = doorTime + (below(4) === 0 ? below(30) : -below(100)) * SECOND
    const eventTime = meant?.eventTime ?? anytime
    const views = [null, null, ['price'], ['activity'], ['price', 'colour']][below(5)]!
    const { deletion_id } = await atDoor(() =>
      deleteKeys(platform, { entity: 'user', keys: [{ user: key }], eventTime, views }),
    )
    written.push({
      key,
      value: null,
      ...stamp(deletion_id, doorTime, 0),
      eventTime,
      createdTime: doorTime,
      deletes: views ?? VIEWS,
    })
  }

  /** No time passes while a door answers, whatever else goes on: what it took in is stamped with the time known here. */
  async function atDoor<T>(work: () => Promise<T>): Promise<T> {
    isAtDoor = true
    try {
      return await work()
    } finally {
      isAtDoor = false
    }
  }

  /** What goes on while a writer waits for a store to answer. */
  async function meanwhile() {
    if (!isAtDoor) platform.time.now += below(chance(0.2) ? 20 : 2) * SECOND
    await consume()
  }

  /** Some of the queue, in any order, in any batch. What fails comes again; what succeeds may, too. */
  async function consume() {
    const batch: string[] = []
    for (let count = 1 + below(6); count > 0 && platform.queue.length > 0; count--) {
      batch.push(platform.queue.splice(below(platform.queue.length), 1)[0]!)
    }
    if (batch.length > 0 && chance(0.2)) batch.push(batch[0]!)
    const outcomes = await consumeEvents(consumer, batch)
    batch.forEach((message, at) => {
      sent.push(message)
      if (outcomes[at]!.status === 'retry') platform.queue.push(message)
    })
  }

  async function redeliver() {
    if (sent.length > 0) platform.queue.push(sent[below(sent.length)]!)
  }

  async function work() {
    await quietly(() => platform.flush({ cut: chance(0.3) }))
  }

  async function wait() {
    platform.time.now += Math.floor(random() * 20 * SECOND)
    const dueMs = tryOr(() => platform.nextWorkMs(), null)
    if (dueMs !== null && dueMs * 1_000 <= platform.time.now) await quietly(() => wakeAll())
  }

  async function wakeAll() {
    const snapshot = await readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
    for (const shard of [0, 1]) await platform.writers.wake(writerLayout(snapshot, 'user', shard))
  }

  /** Reads in the midst of it all: stale perhaps, but nothing that was never there. */
  async function readNothingForeign() {
    const rows = await readAll('eventual', stalePlatform())
    rows.forEach(({ values, statuses }, at) => {
      const known = new Set(written.filter(({ key }) => key === KEYS[at]).map(({ value }) => String(value)))
      values.slice(0, LATEST.length).forEach((value, feature) => {
        const status = statuses[feature]!
        if (status === 'present' && !known.has(value))
          throw new Error(`${KEYS[at]} shows ${value}, never written`)
        if (status !== 'present' && value !== 'null')
          throw new Error(`${KEYS[at]} is ${status} and shows ${value}`)
      })
    })
  }

  /** The parts of a re-blocking, one at a time, with anything in between. */
  async function reblock() {
    const snapshot = await readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
    const ask = async (method: 'addWidth' | 'dropWidth', blockBits: number) => {
      let left = 0
      for (const shard of [0, 1])
        left += await platform.writers[method](writerLayout(snapshot, 'user', shard), {
          group: 'main',
          blockBits,
        })
      return left
    }
    await quietly(async () => {
      if (phase === 'rest' && width < 5) phase = 'fill'
      if (phase === 'fill') {
        await ask('addWidth', width + 1)
        // A fill that is cut short has to be right as well, and one begun anew after its width was dropped.
        if (chance(0.5)) await fill(width + 1, ask)
        else if (chance(0.6)) {
          if (chance(0.5)) await platform.flush()
          await ask('dropWidth', width + 1)
          if (chance(0.5)) await platform.flush()
        }
      } else if (phase === 'drop') {
        const left = await ask('dropWidth', width - 1)
        await platform.flush()
        if (left === 0) phase = 'rest'
      }
    })
  }

  async function fill(blockBits: number, ask: (method: 'addWidth', blockBits: number) => Promise<number>) {
    for (let poll = 0; poll < 200; poll++) {
      if ((await ask('addWidth', blockBits)) === 0) {
        await applyWidths({ 'user/main': blockBits })
        width = blockBits
        phase = 'drop'
        return
      }
      await platform.flush()
      platform.time.now += SECOND
    }
  }

  async function applyWidths(blockBits: Readonly<Record<string, number>>) {
    const newest = await readCurrent(platform)
    const { head } = newest
    const next = {
      ...head,
      generation: head.generation + 1,
      blockBits: { ...head.blockBits, ...blockBits },
    }
    await storeGeneration(platform, await makeGeneration(platform, newest, { head: next }), {
      author: 'simulation',
    })
    await noteGeneration()
  }

  /** No more faults; everything in the queue and in the writers comes to its end. */
  async function rest() {
    areFaultsOn = false
    Object.assign(online!.faults, { putFailures: 0 })
    // A writer that has lived through faults has to come to rest by itself, too.
    if (ofStorage() < 0.3) platform.crash()
    platform.queue.push(...sent.filter(() => chance(0.3)))
    // What comes last comes in the midst of puts and cuts: nothing after it covers up what they miss.
    await push()
    busyFraction = 0.5
    await platform.flush({ cut: true })
    busyFraction = 0
    for (const id of platform.heldJobs ?? []) await fillOn(id, Number.POSITIVE_INFINITY)
    await noteGeneration()
    while (platform.queue.length > 0) await consume()
    // Who gets nothing any more hears of the newest groups from the first who asks.
    const snapshot = await readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
    for (const shard of [0, 1]) await platform.writers.announce(writerLayout(snapshot, 'user', shard))
    for (let turn = 0; turn < 300; turn++) {
      await platform.flush({ cut: true })
      const dueMs = platform.nextWorkMs()
      if (dueMs === null) break
      platform.time.now = Math.max(platform.time.now + SECOND / 10, Math.ceil(dueMs * 1_000))
    }
    if (platform.nextWorkMs() !== null) throw new Error('The writers do not come to rest')
    // Long enough for KV to show everything everywhere.
    platform.time.now += 61 * SECOND
  }

  async function check() {
    const now = platform.time.now
    for (const consistency of ['eventual', 'strong'] as const) {
      expectSame(
        await readAll(consistency),
        KEYS.map((key) => {
          const shown = [
            ...LATEST.map((view) => truth(written, { key, view, at: now })),
            ...windowTruth(written, { key, at: now }),
          ]
          const times = shown.map(({ eventTime }) => eventTime)
          return {
            values: shown.map(({ value }) => value),
            statuses: shown.map(({ status }) => status),
            eventTimes: [...times.slice(0, LATEST.length), times.slice(LATEST.length)],
          }
        }),
        `${consistency} reads`,
      )
    }
    await checkBlocks()
    await checkLog()
    await checkHistory()
    if (hasGrown) await checkGrown()
  }

  /** KV itself holds every value that is served, so that nobody has to ask a writer. */
  async function checkBlocks() {
    const inKv = new Map<string, string>()
    const snapshot = await readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
    for (const [path, text] of online!.current) {
      const [, , group, bits] = path.split('/')
      const found = snapshot.entities.user!.groups.find(({ name }) => name === group)
      if (found === undefined) throw new Error(`${path} is left in KV of a group that is gone`)
      const { blockBits, views } = found
      if (bits!.length !== blockBits || group === 'windows') continue
      for (const row of decodeBlockRows(openBlock(text)))
        for (const [at, found] of row.views.entries())
          if (found !== undefined) inKv.set(`${views[at]} ${row.key}`, found.cells)
    }
    const expected = KEYS.flatMap((key) =>
      [...LATEST, ...(hasGrown ? ['size'] : [])].flatMap((view) => {
        const best = winner(view === 'size' ? writtenToNew(view) : written, {
          key,
          view,
          at: platform.time.now,
        })
        if (best === undefined || best.deletes !== undefined) return []
        return [[`${view}@1 ${encodeKey(['string'], [key])}`, encodeValue('int64', best.value)] as const]
      }),
    )
    expectSame([...inKv].sort(), expected.sort(), 'blocks in KV')
  }

  /** What a view that came on the way holds: all rows, and deletions of all views, older ones too. */
  function writtenToNew(view: string): Written[] {
    return written.flatMap((row) => {
      if (row.deletes === undefined) return [row]
      return row.deletes === VIEWS ? [{ ...row, deletes: [view] }] : []
    })
  }

  /** The views that came on the way, online and in history, against all that was ever written (S17, S33). */
  async function checkGrown() {
    const now = platform.time.now
    const expected = KEYS.map((key) => [
      truth(writtenToNew('size'), { key, view: 'size', at: now }).value,
      ...windowTruth(writtenToNew('activity'), { key, at: now }).map(({ value }) => value),
    ])
    for (const consistency of ['eventual', 'strong'] as const) {
      const read = await readAll(consistency, platform, 'watcher')
      expectSame(
        read.map(({ values }) => values),
        expected,
        `${consistency} reads of filled views`,
      )
    }
    const resolved = await resolveForHistory(platform, 'watcher')
    const labels = KEYS.map((user) => ({ user, event_time: formatInstant(now) }))
    const history = await retrieveHistory(platform, resolved, {
      labels: parseLabels(resolved.service, labels),
      asOf: undefined,
      isKnowledgeCutoff: false,
    })
    expectSame(
      history.rows.map((row) => row.slice(2)),
      expected,
      'history of filled views',
    )
  }

  async function checkLog() {
    const snapshot = await readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
    for (const name of [...VIEWS, ...(hasGrown ? ['size', 'pulse'] : [])]) {
      const view = snapshot.views[`${name}@1`]!
      const logged = await readLog(platform, await platform.offline.list(name, 1), {
        schema: segmentSchema(snapshot, view),
        column: name === 'activity' || name === 'pulse' ? 'count' : name,
      })
      const expected = written
        .filter(({ deletes }) => deletes === undefined)
        .map((row) => line(row, row.value))
      // What the stream brought a view while it was filled may be there twice, under one stamp.
      const once = name === 'size' || name === 'pulse' ? [...new Set(logged)] : logged
      expectSame(once.sort(), expected.sort(), `log of ${name}`)
    }
    const { view, version } = tombstoneLog('user')
    const logged = await readLog(platform, await platform.offline.list(view, version), {
      schema: { keys: snapshot.entities.user!.joinKeys, features: [TOMBSTONE_COLUMN] },
      column: 'view',
    })
    const expected = written.flatMap((row) => (row.deletes ?? []).map((deleted) => [row, deleted] as const))
    const all = expected.filter(([row]) => row.deletes !== VIEWS).map(([row, deleted]) => line(row, deleted))
    const whole = written.filter(({ deletes }) => deletes === VIEWS).map((row) => line(row, null))
    expectSame(logged.sort(), [...all, ...whole].sort(), 'log of tombstones')
  }

  async function checkHistory() {
    const resolved = await resolveForHistory(platform, 'ranker')
    const times = [platform.time.now, ...Array.from({ length: 4 }, () => START + below(400) * SECOND)]
    const labels = KEYS.flatMap((user) => times.map((at) => ({ user, event_time: formatInstant(at) })))
    const asOf = chance(0.5) ? undefined : START + below(300) * SECOND
    const history = await retrieveHistory(platform, resolved, {
      labels: parseLabels(resolved.service, labels),
      asOf,
      isKnowledgeCutoff: false,
    })
    const known = written.filter(({ ingestTime }) => asOf === undefined || ingestTime <= asOf)
    const expected = KEYS.flatMap((key) =>
      times.map((at) => [
        ...LATEST.map((view) => truth(known, { key, view, at })),
        ...windowTruth(known, { key, at }),
      ]),
    )
    expectSame(
      history.rows.map((row) => row.slice(-6)),
      expected.map((row) => row.map(({ value }) => value)),
      'history',
    )
    expectSame(
      history.statuses,
      expected.map((row) => row.map(({ status }) => status)),
      'statuses of history',
    )
  }

  async function readAll(
    consistency: 'eventual' | 'strong',
    reader: Platform = platform,
    service = 'ranker',
  ) {
    Object.assign(reader.memory, { blocks: createBlockCache(1_000_000) })
    const resolved = await resolveInNewest(reader, service)
    const rows = parseEntities(
      resolved.service,
      KEYS.map((user) => ({ user })),
    )
    let read = await readFeatures(reader, resolved, { rows, consistency })
    // As every reader does: the writers knew newer definitions.
    if (read.isOutdated)
      read = await readFeatures(reader, await resolveInNewest(reader, service), { rows, consistency })
    return read.rows.map((row) => ({
      values: valuesOf(row),
      statuses: statusesOf(row),
      eventTimes: row.eventTimes,
    }))
  }
}

function inGroup(definitions: DefinitionSetInput, group: string): DefinitionSetInput {
  const views = definitions.feature_views!.map((view) =>
    view.name === 'colour' ? { ...view, block_group: group } : view,
  )
  return { ...definitions, feature_views: views }
}

const tileOf = (time: number) => Math.floor(time / HOP_US)

/** The newest row or tombstone of a view for a key: look at every one, keep the best (S2, S6, S10). */
function winner(
  written: readonly Written[],
  { key, view, at }: { readonly key: string; readonly view: string; readonly at: number },
): Written | undefined {
  let best: Written | undefined
  for (const row of written) {
    const isMeant = row.key === key && row.eventTime <= at && (row.deletes?.includes(view) ?? true)
    if (isMeant && (best === undefined || isLater(row, best))) best = row
  }
  return best
}

/** The order of S6 by its letter, apart from the code's own. */
function isLater(a: Written, b: Written): boolean {
  if (a.eventTime !== b.eventTime) return a.eventTime > b.eventTime
  if (a.createdTime !== b.createdTime) return a.createdTime > b.createdTime
  if (a.sequenceTime !== b.sequenceTime) return a.sequenceTime > b.sequenceTime
  if (a.sequenceOrigin !== b.sequenceOrigin) return a.sequenceOrigin > b.sequenceOrigin
  return a.sequenceIndex > b.sequenceIndex
}

function truth(
  written: readonly Written[],
  asked: { readonly key: string; readonly view: string; readonly at: number },
): { readonly value: string; readonly status: string; readonly eventTime: number | null } {
  const best = winner(written, asked)
  if (best === undefined || best.deletes !== undefined)
    return { value: 'null', status: 'missing', eventTime: null }
  const { eventTime } = best
  if (asked.view === 'price' && asked.at - eventTime > TTL_US)
    return { value: 'null', status: 'expired', eventTime }
  return { value: String(best.value), status: best.value === null ? 'null' : 'present', eventTime }
}

/** Windows by looking at every event (S10, S17, S19). */
function windowTruth(
  written: readonly Written[],
  { key, at }: { readonly key: string; readonly at: number },
) {
  const past = written.filter((row) => row.key === key && row.eventTime <= at)
  const deleted = Math.max(
    Number.NEGATIVE_INFINITY,
    ...past.filter(({ deletes }) => deletes?.includes('activity')).map(({ eventTime }) => eventTime),
  )
  const finished = WINDOWS_US.map((windowUs) => {
    const start = Math.floor((at - windowUs) / HOP_US) * HOP_US
    const counted = past.filter(
      (row) => row.deletes === undefined && row.eventTime >= start && row.eventTime > deleted,
    )
    const values = counted.flatMap(({ value }) => (value === null ? [] : [value]))
    const eventTime = counted.length === 0 ? null : Math.max(...counted.map((row) => row.eventTime))
    const sum = values.length === 0 ? 'null' : String(values.reduce((a, b) => a + b))
    return {
      count: { value: String(values.length), status: 'present', eventTime },
      sum: { value: sum, status: values.length === 0 ? 'null' : 'present', eventTime },
    }
  })
  return [...finished.map(({ count }) => count), ...finished.map(({ sum }) => sum)]
}

async function readLog(
  platform: MemoryPlatform,
  manifest: Awaited<ReturnType<MemoryPlatform['offline']['list']>>,
  { schema, column }: { readonly schema: Parameters<typeof openSegment>[1]; readonly column: string },
): Promise<string[]> {
  const lines: string[] = []
  for (const segment of manifest) {
    const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
    for (const { rowStart, rowEnd } of file.rowGroups) {
      const names = [
        'user',
        'event_time',
        'created_time',
        'ingest_time',
        'sequence_origin',
        'sequence_index',
        column,
      ]
      const columns = await Promise.all(names.map((name) => file.readColumn(name, rowStart, rowEnd)))
      for (let row = 0; row < rowEnd - rowStart; row++)
        lines.push(columns.map((values) => String((values as unknown[])[row] ?? null)).join('|'))
    }
  }
  return lines
}

function line(row: Written, value: bigint | string | null): string {
  const { key, eventTime, createdTime, ingestTime, sequenceOrigin, sequenceIndex } = row
  return [key, eventTime, createdTime, ingestTime, sequenceOrigin, sequenceIndex, String(value)].join('|')
}

function stamp(pushId: string, doorTime: number, index: number) {
  return { ingestTime: doorTime, sequenceTime: doorTime, sequenceOrigin: pushId, sequenceIndex: index }
}

function expectSame(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value, null, 1))
  if (a !== b) throw new Error(`${what} are\n${a}\ninstead of\n${b}`)
}

/** A crash ends whatever was going on; the next action goes on from what is stored. */
async function quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!/crash|429|does not answer/.test(String(error))) throw error
    return undefined
  }
}

function tryOr<T, U>(work: () => T, otherwise: U): T | U {
  try {
    return work()
  } catch {
    return otherwise
  }
}

/** Mulberry32: small, fast and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
