import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Env } from '../../src/cloudflare/env.ts'
import type { ShardWriterObject } from '../../src/cloudflare/shard-writer.ts'
import { writerStorageSqlite } from '../../src/cloudflare/writer-storage-sqlite.ts'
import { encodeRow } from '../../src/core/row.ts'
import type { WriterLayout } from '../../src/definitions/writer-layout.ts'
import { createWriterMemory } from '../../src/ingest/live-blocks.ts'
import { createShardWriter } from '../../src/ingest/shard-writer.ts'
import { WRITER_LIMITS } from '../../src/ingest/writer-platform.ts'

const START_MS = 1_767_225_600_000
const DELIVERIES = 240
const EVENTS = 100
const KEYS = 5_000

/** A writer of 64 blocks: as many as one of sixteen writers of 1,024 blocks has. */
const LAYOUT: WriterLayout = {
  generation: 1,
  shard: 0,
  entity: {
    name: 'user',
    joinKeys: [{ name: 'user', type: 'int64' }],
    shardBits: 0,
    bucketBits: 4,
    groups: [{ name: 'main', blockBits: 6, views: ['clicks@1'], publishMs: 1_000 }],
    unfilled: [],
  },
  windows: {},
  schemas: {
    'clicks@1': {
      keys: [{ name: 'user', type: 'int64' }],
      features: [{ name: 'price', type: 'int64' }],
    },
  },
}

// With the raw rows' 0.03 (raw-rows.test.ts) an event of one view costs at most 0.1.
test('a writer writes at most 0.07 rows an event at 100 events a delivery, alarms included', async () => {
  const stub = (env as unknown as Env).SHARD_WRITERS.getByName('rows')
  await runInDurableObject(stub as never, async (_: ShardWriterObject, { storage }) => {
    let rowsWritten = 0
    const sql = {
      exec(query: string, ...bindings: SqlStorageValue[]) {
        const cursor = storage.sql.exec(query, ...bindings)
        const rows = cursor.toArray()
        rowsWritten += cursor.rowsWritten
        return { toArray: () => rows, one: () => rows[0] }
      },
    }
    const time = { ms: START_MS }
    const counts = { puts: 0 }
    const writer = createShardWriter(
      {
        storage: writerStorageSqlite({
          sql: sql as never,
          transactionSync: (work) => storage.transactionSync(work),
        }),
        memory: createWriterMemory(48_000_000),
        clock: { now: () => time.ms * 1_000 },
        online: {
          writeBlock: async () => void counts.puts++,
          deleteBlock: async () => {},
        },
        offline: {
          writeSegment: async () => {},
          register: async () => {},
          list: async () => [],
          openSegment: () => expect.fail(),
        },
        log: { info() {}, error: (message, facts) => expect.fail(`${message} ${JSON.stringify(facts)}`) },
        untilIdle: async () => {},
      },
      WRITER_LIMITS,
    )
    rowsWritten = 0
    let alarmMs: number | null = null
    const setAlarm = () => {
      const dueMs = writer.nextWorkMs()
      if (dueMs === null || (alarmMs !== null && alarmMs <= dueMs)) return
      alarmMs = dueMs
      // Setting an alarm is billed as a row.
      rowsWritten++
    }
    for (let delivery = 0; delivery < DELIVERIES; delivery++) {
      const rows = Array.from({ length: EVENTS }, (__, at) => rowOf(delivery * EVENTS + at, time.ms))
      writer.deliver({
        layout: LAYOUT,
        kind: 'stream',
        groups: [{ id: `push-${delivery}.0/clicks@1`, time: time.ms * 1_000, rows: rows.join('\n') }],
      })
      setAlarm()
      for (time.ms += 700; alarmMs !== null && alarmMs <= time.ms; setAlarm()) {
        alarmMs = null
        await writer.work({ publish: false, cut: false })
      }
    }
    expect(rowsWritten / (DELIVERIES * EVENTS)).toBeLessThan(0.07)
    expect(rowsWritten).toBeGreaterThan(DELIVERIES)
    // 64 blocks, one put a second each at most.
    expect(counts.puts).toBeLessThanOrEqual((64 * DELIVERIES * 700) / 1_000)
  })
})

function rowOf(at: number, ms: number): string {
  return encodeRow({
    view: 'clicks@1',
    key: String((at * 7_919) % KEYS),
    eventTime: ms * 1_000,
    createdTime: ms * 1_000,
    ingestTime: ms * 1_000,
    sequenceTime: ms * 1_000,
    sequenceOrigin: 'push',
    sequenceIndex: at,
    cells: String(at),
  })
}
