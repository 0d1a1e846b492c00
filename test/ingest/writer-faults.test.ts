import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { decodeBlockRows, openBlock } from '../../src/core/block.ts'
import { decodeRows } from '../../src/core/row.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { createWriterMemory } from '../../src/ingest/live-blocks.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { createShardWriter } from '../../src/ingest/shard-writer.ts'
import { WRITER_LIMITS, type WriterPlatform } from '../../src/ingest/writer-platform.ts'
import type { WriterStorage } from '../../src/ingest/writer-storage.ts'
import type { Delivery } from '../../src/platform.ts'
import { applyClicks, CLICKS, clicksInWindow } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { memoryWriterStorage } from '../platform/memory-writer-storage.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
/** Enough that some of a writer's blocks wait while twelve are put. */
const USERS = Array.from({ length: 60 }, (_, at) => `user${at}`)

/** Clicks of users at one time for one price, as one of their two writers is to get them. */
async function deliveryOf(
  platform: MemoryPlatform,
  users: readonly string[],
  { at, price }: { readonly at: number; readonly price: number },
): Promise<Delivery> {
  const deliveries: Delivery[] = []
  const { deliver } = platform.writers
  Object.assign(platform.writers, {
    async deliver(delivery: Delivery) {
      deliveries.push(delivery)
      return { status: 'committed' }
    },
  })
  const time = formatInstant(at)
  const events = users.map((user) => ({ at: time, made: time, user, item: 1, price }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  Object.assign(platform.writers, { deliver })
  return deliveries.find(({ layout }) => layout.entity.name === 'user' && layout.shard === 0)!
}

function keysOf({ groups }: Delivery): string[] {
  return groups.flatMap(({ rows }) => decodeRows(rows)).map(({ key }) => key)
}

interface StartedWriter {
  readonly platform: MemoryPlatform
  readonly ports: WriterPlatform
  /** How many calls from now a method of the storage throws, once. */
  readonly faults: Map<keyof WriterStorage, number>
  /** Methods of the storage that throw. */
  readonly down: Set<keyof WriterStorage>
  /** Puts wait for it. */
  gate: Promise<void> | undefined
  /** Segments wait for it. */
  cutGate: Promise<void> | undefined
}

async function start(definitions: DefinitionSetInput): Promise<StartedWriter> {
  const platform = memoryPlatform(START)
  await applyClicks(platform, definitions)
  const storage = memoryWriterStorage()
  const faults: StartedWriter['faults'] = new Map()
  const down: StartedWriter['down'] = new Set()
  const fail = (name: keyof WriterStorage) => {
    if (down.has(name)) throw new Error('SQLite does not answer')
    const left = faults.get(name)
    if (left === undefined) return
    faults.set(name, left - 1)
    if (left > 1) return
    faults.delete(name)
    throw new Error('SQLite does not answer')
  }
  const ports: WriterPlatform = {
    storage: {
      ...storage,
      appendJournal(entry) {
        fail('appendJournal')
        storage.appendJournal(entry)
      },
      readJournal(after, through) {
        fail('readJournal')
        return storage.readJournal(after, through)
      },
      readRecord() {
        fail('readRecord')
        return storage.readRecord()
      },
      readCheckpoint(bits) {
        fail('readCheckpoint')
        return storage.readCheckpoint(bits)
      },
    },
    memory: createWriterMemory(1_000_000),
    clock: platform.clock,
    log: platform.log,
    untilIdle: async () => {},
    offline: {
      ...platform.offline,
      async writeSegment(path, bytes) {
        await started.cutGate
        await platform.offline.writeSegment(path, bytes)
      },
    },
    online: {
      ...platform.online,
      async writeBlock(key, text) {
        await started.gate
        await platform.online.writeBlock(key, text)
      },
    },
  }
  const started: StartedWriter = { platform, ports, faults, down, gate: undefined, cutGate: undefined }
  return started
}

/** What KV shows of the first view of each key. */
function shown({ blocks }: MemoryPlatform): string[] {
  const rows = [...blocks.values()].flatMap((text) => decodeBlockRows(openBlock(text)))
  return rows.flatMap(({ views: [found] }) => (found === undefined ? [] : [found.cells]))
}

/** A writer of which some blocks are being put and others are still to be; `finish` lets the puts go on. */
async function putHalf(started: StartedWriter, delivery: Delivery) {
  const writer = createShardWriter(started.ports)
  writer.deliver(delivery)
  let open = () => {}
  started.gate = new Promise((resolve) => {
    open = resolve
  })
  const working = writer.work({ publish: true, cut: false })
  await setImmediate()
  const finish = async () => {
    open()
    await working
  }
  return { writer, finish }
}

async function restart({ platform, ports }: StartedWriter): Promise<void> {
  platform.time.now += 100 * SECOND
  await createShardWriter(ports).work({ publish: true, cut: false })
}

test('puts that go on while a writer reads its storage again show all that it has taken', async () => {
  const started = await start(CLICKS)
  const { platform, faults } = started
  const newest = await deliveryOf(platform, USERS, { at: START, price: 7 })
  const late = await deliveryOf(platform, USERS, { at: START - SECOND, price: 6 })
  const { writer, finish } = await putHalf(started, newest)
  faults.set('appendJournal', 1)
  expect(() => writer.deliver(late)).toThrow('SQLite')
  expect(writer.deliver(late)).toEqual({ status: 'committed' })
  await finish()
  await restart(started)
  expect(shown(platform)).toEqual(keysOf(newest).map(() => '7'))
})

test('what a delivery has brought before storage failed in its midst is shown after a restart', async () => {
  const started = await start(CLICKS)
  const { platform, faults } = started
  const first = await deliveryOf(platform, USERS, { at: START, price: 7 })
  const others = USERS.map((user) => `other-${user}`)
  const second = await deliveryOf(platform, others, { at: START, price: 7 })
  const { writer, finish } = await putHalf(started, first)
  faults.set('readCheckpoint', 100)
  expect(() => writer.deliver(second)).toThrow('SQLite')
  await finish()
  expect(writer.deliver(second)).toEqual({ status: 'committed' })
  await restart(started)
  expect(shown(platform)).toEqual([...keysOf(first), ...keysOf(second)].map(() => '7'))
})

test('a writer that can neither take a delivery whole nor read its storage writes nothing until it can', async () => {
  const started = await start(CLICKS)
  const { platform, ports, faults, down } = started
  const delivery = await deliveryOf(platform, USERS, { at: START, price: 7 })
  const writer = createShardWriter(ports)
  faults.set('readCheckpoint', 20)
  down.add('readRecord')
  expect(() => writer.deliver(delivery)).toThrow('SQLite')
  await writer.work({ publish: true, cut: true })
  expect(platform.blocks.size).toBe(0)
  down.clear()
  await restart(started)
  expect(shown(platform)).toEqual(keysOf(delivery).map(() => '7'))
})

test('puts that end while storage can be neither written nor read do not count for what was taken in half', async () => {
  const started = await start(CLICKS)
  const { platform, faults, down } = started
  const first = await deliveryOf(platform, USERS, { at: START, price: 7 })
  const others = USERS.map((user) => `other-${user}`)
  const second = await deliveryOf(platform, others, { at: START, price: 7 })
  const { writer, finish } = await putHalf(started, first)
  faults.set('readCheckpoint', 1)
  down.add('readRecord')
  expect(() => writer.deliver(second)).toThrow('SQLite')
  await finish()
  down.clear()
  await restart(started)
  expect(shown(platform)).toEqual([...keysOf(first), ...keysOf(second)].map(() => '7'))
})

test('rows that come during a cut are cut in their turn, though storage fails just when the journal has been trimmed', async () => {
  const started = await start(CLICKS)
  const { platform, ports, faults } = started
  const first = await deliveryOf(platform, USERS, { at: START, price: 7 })
  const second = await deliveryOf(platform, USERS, { at: START, price: 8 })
  const writer = createShardWriter(ports, { ...WRITER_LIMITS, rowsPerCheckpoint: 0 })
  writer.deliver(first)
  let open = () => {}
  started.cutGate = new Promise((resolve) => {
    open = resolve
  })
  const working = writer.work({ publish: true, cut: true })
  await setImmediate()
  writer.deliver(second)
  // Of the trim: the cut has read the journal before.
  faults.set('readJournal', 1)
  open()
  await working
  expect(faults.size).toBe(0)
  platform.time.now += 100 * SECOND
  expect(writer.nextWorkMs()).toBeLessThan(platform.time.now / 1_000)
  await writer.work({ publish: false, cut: false })
  expect(writer.reportJournal().oldestUncut).toBe(null)
})

test('rows whose time has come are all shown and count once, though storage fails in their midst (S4, S9)', async () => {
  const { platform, ports, faults } = await start(clicksInWindow('clicks', 'count'))
  const ahead = await deliveryOf(platform, USERS, { at: START + 60 * SECOND, price: 1 })
  const writer = createShardWriter(ports)
  writer.deliver(ahead)
  platform.time.now += 120 * SECOND
  faults.set('readCheckpoint', 100)
  await writer.work({ publish: true, cut: false })
  expect(faults.size).toBe(0)
  await writer.work({ publish: true, cut: false })
  platform.time.now += 2 * SECOND
  await createShardWriter(ports).work({ publish: true, cut: false })
  const tiles = shown(platform)
  expect(tiles).toHaveLength(keysOf(ahead).length)
  expect(new Set(tiles).size).toBe(1)
})
