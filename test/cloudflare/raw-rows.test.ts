import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Env } from '../../src/cloudflare/env.ts'
import type { ShardWriterObject } from '../../src/cloudflare/shard-writer.ts'
import { writerStorageSqlite } from '../../src/cloudflare/writer-storage-sqlite.ts'
import { encodeRawGroup } from '../../src/core/raw-row.ts'
import { createRawWriter } from '../../src/ingest/raw-writer.ts'
import { WRITER_LIMITS } from '../../src/ingest/writer-platform.ts'

const START_MS = 1_767_225_600_000
const DELIVERIES = 900
const EVENTS = 100
const LAYOUT = { generation: 1, source: 'clicks', shardBits: 0, shard: 0 }

test('a writer of raw rows writes at most 0.03 rows an event at 100 events a delivery, alarms included', async () => {
  const stub = (env as unknown as Env).SHARD_WRITERS.getByName('raw/clicks/')
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
    let segments = 0
    const writer = createRawWriter(
      {
        storage: writerStorageSqlite({
          sql: sql as never,
          transactionSync: (work) => storage.transactionSync(work),
        }),
        clock: { now: () => time.ms * 1_000 },
        offline: {
          async writeSegment() {
            segments++
          },
          async register() {},
          list: async () => [],
          openSegment() {
            throw new Error('a writer of raw rows reads nothing')
          },
        },
        log: { info() {}, error: (message, facts) => expect.fail(`${message} ${JSON.stringify(facts)}`) },
      },
      WRITER_LIMITS,
    )
    let alarmMs: number | null = null
    for (let delivery = 0; delivery < DELIVERIES; delivery++) {
      const lines = Array.from({ length: EVENTS }, (__, at) => `${at}\t"2026-01-01T00:00:00Z",${at}`)
      const columns = [
        { name: 'at', type: 'timestamp' as const },
        { name: 'price', type: 'int64' as const },
      ]
      const doorTime = time.ms * 1_000
      const id = `push-${delivery}.0`
      const rows = encodeRawGroup({
        message: id,
        pushId: id,
        doorTime,
        generation: 1,
        columns,
        eventTime: 0,
        lines,
      })
      expect(writer.deliver({ layout: LAYOUT, groups: [{ id, time: doorTime, rows }] })).toEqual({
        status: 'committed',
      })
      const dueMs = writer.nextWorkMs()!
      // Setting an alarm is billed as a row.
      if (alarmMs === null || dueMs < alarmMs) rowsWritten++
      alarmMs = alarmMs === null ? dueMs : Math.min(alarmMs, dueMs)
      time.ms += 700
      if (alarmMs > time.ms) continue
      await writer.work()
      alarmMs = null
    }
    expect(segments).toBeGreaterThan(1)
    expect(rowsWritten / (DELIVERIES * EVENTS)).toBeLessThan(0.03)
  })
})
