import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { beforeEach, expect, test } from 'vitest'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { CHUNK_BYTES_MAX, type LoadPlan } from '../../src/batch/load-plan.ts'
import { runLoad } from '../../src/batch/run-load.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { createTurns } from '../../src/cloudflare/turns.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { schemaElements } from '../../src/core/parquet-types.ts'
import { parseInstant } from '../../src/core/time.ts'
import type { Value, ValueType } from '../../src/core/value.ts'
import type { Platform } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const ROWS = 30_000
/** What a step may hold: a page as it is stored and as it is not, a chunk's columns, a segment of them and its bytes. */
const HELD_BYTES_MAX = LIMITS.parquetColumnBytesMax + LIMITS.parquetPageBytesMax + 2 * CHUNK_BYTES_MAX

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(NOW)
  const schema = [
    { name: 'at', type: 'timestamp' as const },
    { name: 'user', type: 'string' as const },
    { name: 'note', type: 'string' as const },
    { name: 'blob', type: 'bytes' as const },
  ]
  await applyClicks(platform, {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
    sources: [{ name: 'notes', event_time: 'at', schema, landing: { format: 'parquet' } }],
    feature_views: [
      {
        name: 'last',
        entity: 'user',
        source: 'notes',
        features: [{ name: 'note', type: 'string', sql: 'note' }],
      },
    ],
    feature_services: [{ name: 'notes', features: [{ view: 'last' }] }],
  })
})

interface Column {
  readonly name: string
  readonly type: ValueType
  readonly values: readonly Value[]
}

/** Notes of so many characters, no two alike, each in memory of its own. */
function columnsOf(noteChars: number): Column[] {
  const rows = Array.from({ length: ROWS }, (_, row) => row)
  return [
    { name: 'at', type: 'timestamp', values: rows.map((row) => NOW - ROWS + row) },
    { name: 'user', type: 'string', values: rows.map((row) => `u${row % 50}`) },
    { name: 'note', type: 'string', values: rows.map((row) => noteOf(row, noteChars)) },
  ]
}

const noteOf = (row: number, chars: number) => Buffer.alloc(chars, `${row * 7_919}-`).toString('latin1')

/** One row group, its columns in pages of a megabyte, as most writers make them. */
function fileInPages(noteChars: number): Uint8Array<ArrayBuffer> {
  const columns = columnsOf(noteChars)
  const writer = new ByteWriter()
  const parquet = new ParquetWriter({
    writer,
    codec: 'UNCOMPRESSED',
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaElements)],
  })
  parquet.write({
    columnData: columns.map(({ name, values }) => ({ name, data: values as never[] })),
    rowGroupSize: ROWS,
    pageSize: 1_000_000,
  })
  parquet.finish()
  return new Uint8Array(writer.getBytes())
}

/** One row group, each of its columns one page. */
function fileInOnePage(noteChars: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(writeParquet(columnsOf(noteChars), { compression: 'never' }))
}

/** Loads a file with what its steps hold watched at every range they read and every object they write. */
async function load(bytes: Uint8Array<ArrayBuffer>, untilEnd: () => Promise<unknown> = async () => {}) {
  platform.land('notes', 'a.parquet', bytes)
  // What made the file is let go before anything is measured.
  await new Promise((resolve) => setImmediate(resolve))
  const watched = { heldBytesMax: 0, sliceBytesMax: 0, readBytes: 0, plan: undefined as LoadPlan | undefined }
  const heldBytes = () => {
    // Buffers of what one collection finds are counted until the next begins.
    collectGarbage()
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    const stored = [...platform.objects.values()].reduce((sum, object) => sum + object.byteLength, 0)
    return heapUsed + external - stored
  }
  const before = heldBytes()
  const watch = () => {
    watched.heldBytesMax = Math.max(watched.heldBytesMax, heldBytes() - before)
  }
  const { landing, offline, loads } = platform
  const watchedPlatform: Partial<Platform> = {
    landing: {
      ...landing,
      open(...given) {
        const buffer = landing.open(...given)
        return {
          byteLength: buffer.byteLength,
          async slice(start, end) {
            // As from afar: meanwhile others go on.
            const [sliced] = await Promise.all([buffer.slice(start, end), setTimeout(1)])
            watched.sliceBytesMax = Math.max(watched.sliceBytesMax, sliced.byteLength)
            watched.readBytes += sliced.byteLength
            if (sliced.byteLength > 1_000_000) watch()
            return sliced
          },
        }
      },
    },
    offline: {
      ...offline,
      async writeSegment(path, content) {
        watch()
        await offline.writeSegment(path, content)
      },
    },
    loads: {
      ...loads,
      async writePlan(id, generation, plan) {
        watched.plan = JSON.parse(plan) as LoadPlan
        await loads.writePlan(id, generation, plan)
      },
    },
  }
  Object.assign(platform, watchedPlatform)
  const [begun] = await startLoads(platform, 'notes', { badRowsMax: 0 })
  await untilEnd()
  return { ...watched, report: await describeLoad(platform, begun!.id) }
}

/** Notes as raw rows and the log have them; each is in both. */
const loggedRows = () => [...platform.manifest.values()].reduce((sum, { rowCount }) => sum + rowCount, 0)

test('a load of the largest page that is held keeps every step within its bound of memory', async () => {
  const noteChars = Math.floor(LIMITS.parquetPageBytesMax / ROWS) - 5
  const { heldBytesMax, report } = await load(fileInOnePage(noteChars))
  expect(report).toMatchObject({ status: 'succeeded', rows: { read: ROWS, written: ROWS } })
  expect(loggedRows()).toBe(2 * ROWS)
  expect(heldBytesMax).toBeGreaterThan(0.9 * LIMITS.parquetPageBytesMax)
  expect(heldBytesMax).toBeLessThan(HELD_BYTES_MAX)
})

test('loads that share an isolate keep within the bound of one, for they take turns', async () => {
  const noteChars = Math.floor(LIMITS.parquetPageBytesMax / ROWS) - 5
  const turns = createTurns({ now: () => Date.now(), wait: (ms) => setTimeout(ms) })
  const jobs: Promise<void>[] = []
  const start = async (_kind: unknown, id: string) => {
    const job = runLoad(platform, id, {
      step: (_name, work, options) => (options === undefined ? work() : turns.take(work, options)),
      sleep: async () => {},
    })
    jobs.push(job)
  }
  Object.assign(platform, { jobs: { start, restart: start, stop: async () => {} } })
  const bytes = fileInOnePage(noteChars)
  platform.land('notes', 'b.parquet', bytes)
  const { heldBytesMax } = await load(bytes, () => Promise.all(jobs))
  expect(jobs).toHaveLength(2)
  expect(loggedRows()).toBe(2 * 2 * ROWS)
  expect(heldBytesMax).toBeGreaterThan(0.9 * LIMITS.parquetPageBytesMax)
  // Both at once would hold both pages.
  expect(heldBytesMax).toBeLessThan(1.5 * LIMITS.parquetPageBytesMax)
})

test('a load of a row group larger than a step may hold reads the pages of each chunk alone', async () => {
  const bytes = fileInPages(2_100)
  const { heldBytesMax, sliceBytesMax, readBytes, plan, report } = await load(bytes)
  expect(report).toMatchObject({ status: 'succeeded', rows: { read: ROWS, written: ROWS } })
  expect(loggedRows()).toBe(2 * ROWS)
  expect(plan!.chunks.map(({ pages }) => Object.keys(pages ?? {}))).toEqual(Array(4).fill(['note']))
  expect(sliceBytesMax).toBeLessThan(CHUNK_BYTES_MAX + 3_000_000)
  expect(readBytes).toBeLessThan(bytes.length * 1.2 + 4_000_000)
  expect(heldBytesMax).toBeLessThan(HELD_BYTES_MAX)
})

test('a load of a page larger than a step may hold is refused by file, column and size, and leaves nothing', async () => {
  const noteChars = Math.ceil(LIMITS.parquetPageBytesMax / ROWS)
  const { report } = await load(fileInOnePage(noteChars))
  expect(report).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(
      /^Cannot read column "note" of file "a.parquet": a page of it is 3213\d{4} bytes large, at most 32000000 are held$/,
    ),
  })
  expect(loggedRows()).toBe(0)
})

test('a load of a column that can only be read whole, and is too large for it, is refused by name', async () => {
  const words = new Uint32Array(ROWS * 275)
  // No codec makes these fewer.
  for (let at = 0, word = 1; at < words.length; at++) {
    word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d) + at
    words[at] = word
  }
  const values = Array.from({ length: ROWS }, (_, row) => new Uint8Array(words.buffer, row * 1_100, 1_100))
  const blob = { name: 'blob', type: 'bytes' as const, values }
  const bytes = writeParquet([...columnsOf(1), blob], { compression: 'never' })
  const { report } = await load(new Uint8Array(bytes))
  expect(report).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(
      /^Cannot load file "a.parquet": column "blob" of row group 0 is \d+ bytes large, at most 32000000 are read of its type and encoding without an offset index$/,
    ),
  })
})
