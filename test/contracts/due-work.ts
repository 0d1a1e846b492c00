import { beforeEach, describe, expect, test } from 'vitest'
import { settleRefused } from '../../src/batch/refuse-files.ts'
import { startDueDatasets } from '../../src/offline/schedule-datasets.ts'
import type { Platform, RefusedFile } from '../../src/platform.ts'
import { leapSchedule } from '../platform/leap-schedule.ts'

const MINUTE = 60_000_000
/** One more than were looked at once, the newest first. */
const COUNT = 1_001

/** What Cron must find that is due, however much else there is; run over each implementation of what it asks. */
export function describeDueWork(name: string, createPlatform: () => Promise<Platform>): void {
  describe(`${name} platform under Cron`, () => {
    let platform: Platform
    let started: string[]
    beforeEach(async () => {
      const created = await createPlatform()
      started = []
      // What is begun is asked here, not what becomes of it.
      const start = async (_: string, id: string) => void started.push(id)
      const log = { info: () => {}, error: () => {} }
      platform = { ...created, log, jobs: { ...created.jobs, start } }
    })

    const minuteNow = () => Math.floor(platform.clock.now() / MINUTE) * MINUTE

    async function beginSchedules(count: number, nextTimeOf: (at: number) => number): Promise<void> {
      const now = minuteNow()
      const begin = async (at: number) => {
        const times = { createdTime: now + at, nextTime: nextTimeOf(at) }
        const id = `schedule-${String(at).padStart(4, '0')}`
        await platform.training.beginSchedule(leapSchedule(id, times))
      }
      await Promise.all(Array.from({ length: count }, (_, at) => begin(at)))
    }

    const refusalsOf = (count: number): RefusedFile[] =>
      Array.from({ length: count }, (_, at) => ({
        source: 'sales',
        file: `${String(at).padStart(5, '0')}.csv`,
        etag: 'e',
        reason: 'no',
        time: at,
      }))

    async function listRefused(): Promise<string[]> {
      const files = await platform.cron.listRefused({ countMax: 20_000 })
      return files.map(({ file }) => file).sort()
    }

    test('startDueDatasets() begins a schedule that is due, however many were made after it', async () => {
      const now = minuteNow()
      await beginSchedules(COUNT, (at) => (at === 0 ? now - MINUTE : now + 86_400_000_000))
      expect(await startDueDatasets(platform)).toMatch(/^begun: training-0000-\d+$/)
      expect(started).toHaveLength(1)
      expect(await startDueDatasets(platform)).toBeUndefined()
    })

    test('settleRefused() forgets a refusal that holds no longer, however many came after it', async () => {
      const [oldest, ...others] = refusalsOf(COUNT)
      await platform.cron.noteRefused([oldest!, ...others])
      await settleRefused(platform, others)
      expect(await listRefused()).toEqual(others.map(({ file }) => file))
    })

    test('startDueDatasets() begins the longest due first, and the next tick those it had to leave', async () => {
      const now = minuteNow()
      await beginSchedules(70, (at) => now - (1 + ((at * 37) % 70)) * MINUTE)
      const due = await platform.training.listDueSchedules({ now, countMax: 70 })
      const oldestFirst = due.map(({ id }) => expect.stringMatching(id.replace('schedule', '^training')))
      expect(await startDueDatasets(platform)).toMatch(/; more are due$/)
      expect(started).toEqual(oldestFirst.slice(0, 50))
      expect(await startDueDatasets(platform)).not.toContain('more are due')
      expect(started).toEqual(oldestFirst)
      expect(await startDueDatasets(platform)).toBeUndefined()
    })

    test('startDueDatasets() begins the others where one cannot be begun', async () => {
      const now = minuteNow()
      await beginSchedules(3, (at) => now - (3 - at) * MINUTE)
      const { start } = platform.jobs
      const failing: Platform['jobs']['start'] = async (kind, id) => {
        if (id.startsWith('training-0000')) throw new Error('Workflows is away')
        return start(kind, id)
      }
      const outcome = await startDueDatasets({ ...platform, jobs: { ...platform.jobs, start: failing } })
      expect(outcome).toMatch(/^begun: training-0001-\d+, training-0002-\d+; not begun: schedule-0000$/)
      expect(await platform.training.findSchedule('schedule-0000')).toMatchObject({
        nextTime: now - 3 * MINUTE,
      })
    })

    test('settleRefused() notes in a few ticks what is refused, each once, and says how much is left', async () => {
      const files = refusalsOf(2_500)
      const outcomes = []
      for (let tick = 0; tick < 4; tick++) outcomes.push(await settleRefused(platform, files))
      expect(outcomes).toEqual([
        { notedCount: 1_000, unlistedCount: 1_500 },
        { notedCount: 1_000, unlistedCount: 500 },
        { notedCount: 500, unlistedCount: 0 },
        { notedCount: 0, unlistedCount: 0 },
      ])
      expect(await listRefused()).toEqual(files.map(({ file }) => file))
    })

    test('settleRefused() keeps to 10,000 refusals, and takes up others for those that are forgotten', async () => {
      const files = refusalsOf(10_700)
      // Notices of R2 note beyond that.
      for (let at = 0; at < files.length; at += 1_000)
        await platform.cron.noteRefused(files.slice(at, at + 1_000))
      expect(await settleRefused(platform, files)).toEqual({ notedCount: 0, unlistedCount: 700 })
      expect(await listRefused()).toEqual(files.slice(0, 10_000).map(({ file }) => file))
      const left = files.slice(400)
      expect(await settleRefused(platform, left)).toEqual({ notedCount: 400, unlistedCount: 300 })
      expect(await listRefused()).toEqual(left.slice(0, 10_000).map(({ file }) => file))
    })
  })
}
