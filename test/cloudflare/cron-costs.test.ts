import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, inject, test } from 'vitest'
import { settleRefused } from '../../src/batch/refuse-files.ts'
import type { Env } from '../../src/cloudflare/env.ts'
import { createPlatform } from '../../src/cloudflare/platform.ts'
import { startDueDatasets } from '../../src/offline/schedule-datasets.ts'
import type { Platform, RefusedFile } from '../../src/platform.ts'
import { leapSchedule } from '../platform/leap-schedule.ts'

const bindings = env as unknown as Env

let platform: Platform
/** Every statement that D1 was given. */
let statements: string[]
beforeEach(async () => {
  await reset()
  await applyD1Migrations(bindings.DB, inject('migrations'))
  statements = []
  const DB = new Proxy(bindings.DB, {
    get(database, name) {
      const method = database[name as keyof D1Database] as (...given: unknown[]) => unknown
      return (...given: unknown[]) => {
        if (name === 'prepare') statements.push(given[0] as string)
        return method.apply(database, given)
      }
    },
  })
  const created = createPlatform({ ...bindings, DB })
  const log = { info: () => {}, error: () => {} }
  platform = { ...created, log, jobs: { ...created.jobs, start: async () => {} } }
})

async function beginSchedules(count: number): Promise<void> {
  const nextTime = Math.floor(platform.clock.now() / 60_000_000 - 1) * 60_000_000
  const ids = Array.from({ length: count }, (_, at) => `schedule-${at}`)
  const begin = (id: string) =>
    platform.training.beginSchedule(leapSchedule(id, { createdTime: 0, nextTime }))
  await Promise.all(ids.map(begin))
}

test('startDueDatasets() takes six statements for each dataset of at most fifty', async () => {
  await beginSchedules(60)
  statements = []
  expect(await startDueDatasets(platform)).toContain('more are due')
  expect(statements).toHaveLength(1 + 50 * 6)
})

test('startDueDatasets() reads only schedules that are due', async () => {
  await beginSchedules(1)
  statements = []
  await platform.training.listDueSchedules({ now: 0, countMax: 51 })
  const { results } = await bindings.DB.prepare(`EXPLAIN QUERY PLAN ${statements[0]}`)
    .bind(0, 0, 51)
    .all<{ detail: string }>()
  expect(results.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(
      /^SEARCH training_schedules USING INDEX training_schedules_by_next_time \(next_time[<>]/,
    ),
  ])
})

test('settleRefused() takes a statement for each thousand that are noted, and 100 for what changes', async () => {
  const fileOf = (at: number): RefusedFile => ({
    source: 'sales',
    file: String(at).padStart(5, '0'),
    etag: 'e',
    reason: 'no',
    time: 1,
  })
  const files = Array.from({ length: 12_000 }, (_, at) => fileOf(at))
  for (let at = 0; at < 10_000; at += 1_000) await platform.cron.noteRefused(files.slice(at, at + 1_000))
  statements = []
  expect(await settleRefused(platform, files.slice(1_500))).toEqual({
    notedCount: 1_000,
    unlistedCount: 1_000,
  })
  expect(statements).toHaveLength(11 + 50 + 50)
  await platform.cron.listRefusedKeys({ after: fileOf(0), countMax: 1_000 })
  const { results } = await bindings.DB.prepare(`EXPLAIN QUERY PLAN ${statements.at(-1)}`)
    .bind('sales', '00000', 'e', 1_000)
    .all<{ detail: string }>()
  expect(results.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/^SEARCH refused_files USING COVERING INDEX \S+ \(/),
  ])
})
