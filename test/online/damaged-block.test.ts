import { expect, test } from 'vitest'
import { decodeBlockRows, openBlock } from '../../src/core/block.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { ServedGeneration } from '../../src/definitions/served-generation.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import type { Log } from '../../src/platform.ts'
import { type ResolvedService, resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { neighbours } from '../platform/neighbours.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
/** The last of them is never written. */
const USERS = neighbours(4, 10)
const WRITTEN = USERS.slice(0, -1)
const TRUTH = [
  ['10', 'present'],
  ['null', 'null'],
  ['12', 'present'],
  ['null', 'missing'],
]

interface Reports {
  readonly keys: unknown[]
  readonly log: Log
}

function collectReports(): Reports {
  const keys: unknown[] = []
  return { keys, log: { info: () => {}, error: (_message, facts) => void keys.push(facts?.key) } }
}

async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  const at = formatInstant(START)
  const events = WRITTEN.map((user, index) => ({
    at,
    made: at,
    user,
    item: 1,
    price: index === 1 ? null : 10 + index,
  }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  await platform.flush()
  const resolved = await resolveInNewest(platform, 'ranker')
  const [key, text] = [...platform.blocks].find(([name]) => name.startsWith('block/user/'))!
  return { platform, resolved, key, text }
}

async function readUsers(platform: MemoryPlatform, resolved: ResolvedService<ServedGeneration>, log: Log) {
  const rows = parseEntities(
    resolved.service,
    USERS.map((user) => ({ user, item: 1 })),
  )
  const read = await readFeatures({ ...platform, log }, resolved, { rows, consistency: 'eventual' })
  return read.rows.map((row) => [valuesOf(row)[0], statusesOf(row)[0]])
}

test('a block with any bit flipped is reported by name, rebuilt from its writer and never served (S30)', async () => {
  const { platform, resolved, key, text } = await start()
  for (let at = 0; at < text.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const code = text.charCodeAt(at) ^ (1 << bit)
      // A byte that is no UTF-8 any more is read as the replacement character.
      const flipped = code < 0x80 ? String.fromCharCode(code) : '\ufffd'
      platform.blocks.set(key, text.slice(0, at) + flipped + text.slice(at + 1))
      platform.memory.blocks.entries.clear()
      const { keys, log } = collectReports()
      expect(await readUsers(platform, resolved, log), `bit ${bit} of character ${at}`).toEqual(TRUTH)
      expect(keys, `bit ${bit} of character ${at}`).toEqual([key])
    }
  }
})

test('a block cut short anywhere is reported by name, rebuilt from its writer and never served (S30)', async () => {
  const { platform, resolved, key, text } = await start()
  for (let length = 0; length < text.length; length++) {
    platform.blocks.set(key, text.slice(0, length))
    platform.memory.blocks.entries.clear()
    const { keys, log } = collectReports()
    expect(await readUsers(platform, resolved, log), `cut at ${length}`).toEqual(TRUTH)
    expect(keys, `cut at ${length}`).toEqual([key])
  }
})

test('a damaged block is served from the cache no more and published again by its writer', async () => {
  const { platform, resolved, key, text } = await start()
  const { keys, log } = collectReports()
  platform.blocks.set(key, `${text.slice(0, -2)}x\n`)
  // The writer's clock may be behind: what it answers counts, not what says that it is younger.
  platform.time.now -= 1_000_000
  for (let read = 0; read < 3; read++) expect(await readUsers(platform, resolved, log)).toEqual(TRUTH)
  expect(keys).toEqual([key])
  platform.time.now += 3_000_000
  await platform.flush()
  expect(decodeBlockRows(openBlock(platform.blocks.get(key)!))).toEqual(decodeBlockRows(openBlock(text)))
})

test('a block with a damaged head is published again by its writer, though it was put a moment ago', async () => {
  const { platform, resolved, key, text } = await start()
  const { log } = collectReports()
  platform.blocks.set(key, `fe2${text.slice(3)}`)
  expect(await readUsers(platform, resolved, log)).toEqual(TRUTH)
  platform.time.now += 3_000_000
  await platform.flush()
  expect(decodeBlockRows(openBlock(platform.blocks.get(key)!))).toEqual(decodeBlockRows(openBlock(text)))
})

test('a damaged block whose writer cannot be read spoils its own values alone (S28)', async () => {
  const { platform, resolved, key, text } = await start()
  platform.blocks.set(key, text.replace(':12\n', ':13\n'))
  const writers = { ...platform.writers, readBlocks: () => Promise.reject(new Error('gone')) }
  const { log } = collectReports()
  const rows = parseEntities(resolved.service, [{ user: WRITTEN[2]!, item: 1 }])
  const read = await readFeatures({ ...platform, log, writers }, resolved, { rows, consistency: 'eventual' })
  expect(statusesOf(read.rows[0]!)).toEqual(['error', 'present'])
})

test('a writer whose own answer is damaged is not taken to have nothing (S30)', async () => {
  const { platform, resolved, key, text } = await start()
  const damaged = text.replace(':12\n', ':13\n')
  platform.blocks.set(key, damaged)
  const writers = { ...platform.writers, readBlocks: async () => [damaged] }
  const { log } = collectReports()
  const rows = parseEntities(resolved.service, [{ user: WRITTEN[2]!, item: 1 }])
  const read = await readFeatures({ ...platform, log, writers }, resolved, { rows, consistency: 'eventual' })
  expect(statusesOf(read.rows[0]!)).toEqual(['error', 'present'])
})
