import { beforeEach, describe, expect, test } from 'vitest'
import type { JobRecord, ListPage, Platform, Schedule, TrainingDataset } from '../../src/platform.ts'

const dataset = (id: string, change: Partial<TrainingDataset> = {}): TrainingDataset => ({
  id,
  name: 'first',
  request: {
    of: { kind: 'service', name: 'ranker' },
    labels: { kind: 'file', path: 'labels/a.parquet' },
    asOf: null,
    isKnowledgeCutoff: false,
    hasStatuses: true,
  },
  pins: null,
  result: null,
  touched: null,
  createdTime: 10,
  schedule: null,
  ...change,
})

const pins = (views: readonly string[]) => ({
  generation: 3,
  asOf: 9_000_000_000_000_000,
  commit: 7,
  labels: { path: 'labels/a.parquet', etag: 'e', bytes: 12 },
  chunkRows: 65_536,
  views,
})

const schedule = (id: string, change: Partial<Schedule> = {}): Schedule => ({
  id,
  name: 'daily',
  cron: '0 2 * * *',
  request: '{}',
  createdTime: 10,
  nextTime: 100,
  leaseTime: 0,
  ...change,
})

const job = (id: string): JobRecord => ({
  id,
  kind: 'training',
  subject: 'first',
  params: '{}',
  status: 'queued',
  done: 0,
  total: 0,
  error: null,
  startedTime: 1,
  heartbeatTime: 1,
})

const bytes = (text: string) => new TextEncoder().encode(text)

/** What every platform must do with files, training datasets and schedules; run by each implementation. */
export function describeTrainingPlatform(name: string, createPlatform: () => Promise<Platform>): void {
  describe(`${name} platform for training`, () => {
    let platform: Platform
    beforeEach(async () => {
      platform = await createPlatform()
    })

    test('files keep what was streamed or put, and give it whole or in part', async () => {
      const { files } = platform
      const body = new Response(bytes('0123456789')).body
      const streamed = await files.write('labels/a/b.txt', body, 10)
      expect(streamed).toMatchObject({ path: 'labels/a/b.txt', bytes: 10 })
      expect(await files.find('labels/a/b.txt')).toEqual(streamed)
      expect(await files.find('labels/a')).toBeUndefined()
      expect(await files.readText(streamed, { offset: 2, length: 3 })).toBe('234')
      const part = (await files.stream(streamed, { offset: 7, length: 3 })) as BodyInit
      expect(await new Response(part).text()).toBe('789')
      expect(new TextDecoder().decode(await files.open(streamed).slice(-2))).toBe('89')
      let all = ''
      for await (const chunk of files.chunks(streamed)) all += new TextDecoder().decode(chunk)
      expect(all).toBe('0123456789')
      expect(await files.put('training/x/m.json', '{"ü":1}')).toMatchObject({ bytes: 8 })
      const read = await files.put('training/x/m.bin', Uint8Array.of(65, 66))
      expect(await files.readText(read, { offset: 0, length: 2 })).toBe('AB')
    })

    test("files.rewrite() puts other bytes in a file's place, and leaves another file alone (S11)", async () => {
      const { files } = platform
      const file = await files.put('labels/a', 'before')
      async function* make() {
        yield new TextEncoder().encode('aft')
        yield new TextEncoder().encode('er')
      }
      expect(await files.rewrite(file, make)).toBe(true)
      const left = (await files.find('labels/a'))!
      expect(await files.readText(left, { offset: 0, length: left.bytes })).toBe('after')
      await files.put('labels/a', 'another')
      expect(await files.rewrite(left, make)).toBe(false)
      expect((await files.find('labels/a'))!.bytes).toBe(7)
    })

    test('files notice that one was replaced or is gone', async () => {
      const { files } = platform
      const file = await files.put('labels/a.txt', 'one')
      await files.put('labels/a.txt', 'two')
      const part = { offset: 0, length: 1 }
      await expect(files.readText(file, part)).rejects.toMatchObject({ code: 'failed_precondition' })
      await files.deleteAll('labels/')
      await expect(files.readText(file, part)).rejects.toMatchObject({ code: 'not_found' })
    })

    test('files.list() has what begins so, files.delete() takes one path, not what begins so', async () => {
      const { files } = platform
      for (const path of ['labels/b', 'labels/a', 'labels/a.old', 'others/a']) await files.put(path, path)
      await files.delete('labels/a')
      const listed = await files.list('labels/')
      expect(listed.map(({ path, bytes }) => [path, bytes])).toEqual([
        ['labels/a.old', 12],
        ['labels/b', 8],
      ])
      expect(listed[1]).toEqual(await files.find('labels/b'))
    })

    test('files.deleteAll() deletes what begins so, and nothing else', async () => {
      const { files } = platform
      for (const path of [
        'training/x/scratch/a',
        'training/x/scratch/b',
        'training/x/c',
        'training/y/scratch/a',
      ])
        await files.put(path, 'x')
      await files.deleteAll('training/x/scratch/')
      const left = ['training/x/scratch/a', 'training/x/scratch/b', 'training/x/c', 'training/y/scratch/a']
      const found = await Promise.all(left.map((path) => files.find(path)))
      expect(found.map((file) => file?.path)).toEqual([
        undefined,
        undefined,
        'training/x/c',
        'training/y/scratch/a',
      ])
    })

    test('training.begin() answers the first dataset of an id, and update() changes it', async () => {
      const { training } = platform
      expect(await training.begin(dataset('d1'))).toEqual(dataset('d1'))
      expect(await training.begin(dataset('d1', { name: 'second' }))).toEqual(dataset('d1'))
      await training.begin(dataset('d2', { createdTime: 11, schedule: 's1' }))
      const result = { rowCount: 2, files: [{ path: 'p', rows: 2, bytes: 3 }], manifest: 'm' }
      await training.update('d1', { pins: pins(['clicks']), result })
      expect(await training.find('d1')).toEqual(dataset('d1', { pins: pins(['clicks']), result }))
      expect(await training.find('d3')).toBeUndefined()
      expect((await training.list({ countMax: 10 })).map(({ id }) => id)).toEqual(['d2', 'd1'])
      expect((await training.list({ countMax: 1 })).map(({ id }) => id)).toEqual(['d2'])
    })

    test('training.list() and listSchedules() go newest first through pages', async () => {
      const { training } = platform
      for (const [at, id] of ['a', 'b', 'c', 'd'].entries()) {
        await training.begin(dataset(id, { createdTime: at < 2 ? 5 : 6 }))
        await training.beginSchedule(schedule(id, { createdTime: at < 2 ? 5 : 6 }))
      }
      for (const list of [training.list, training.listSchedules]) {
        const ids = async (page: ListPage) => (await list(page)).map(({ id }) => id)
        expect(await ids({ countMax: 9 })).toEqual(['d', 'c', 'b', 'a'])
        expect(await ids({ countMax: 2, after: { time: 6, id: 'd' } })).toEqual(['c', 'b'])
        expect(await ids({ countMax: 9, after: { time: 5, id: 'b' } })).toEqual(['a'])
        expect(await ids({ countMax: 9, after: { time: 5, id: 'a' } })).toEqual([])
      }
    })

    test('jobRecords.list() goes newest first through pages', async () => {
      const { jobRecords } = platform
      for (const [at, id] of ['a', 'b', 'c', 'd'].entries())
        await jobRecords.begin({ ...job(id), startedTime: at < 2 ? 5 : 6 })
      const ids = async (page: ListPage) => (await jobRecords.list(page)).map((one) => one.id)
      expect(await ids({ countMax: 9 })).toEqual(['d', 'c', 'b', 'a'])
      expect(await ids({ countMax: 2, after: { time: 6, id: 'd' } })).toEqual(['c', 'b'])
      expect(await ids({ countMax: 9, after: { time: 5, id: 'b' } })).toEqual(['a'])
    })

    test('training keeps steps by name until they are deleted', async () => {
      const { training } = platform
      await training.writeStep('d1', 'divided 0', 'a')
      await training.writeStep('d1', 'divided 0', 'b')
      await training.writeStep('d1', 'file 0', 'c')
      await training.writeStep('d2', 'file 0', 'd')
      expect([...(await training.readSteps('d1'))].sort()).toEqual([
        ['divided 0', 'b'],
        ['file 0', 'c'],
      ])
      await training.deleteSteps('d1')
      expect([...(await training.readSteps('d1'))]).toEqual([])
      expect([...(await training.readSteps('d2'))]).toEqual([['file 0', 'd']])
    })

    test('training.touch() marks the pinned datasets that read a view, and the first reason stays (S5)', async () => {
      const { training } = platform
      await training.begin(dataset('d1', { pins: pins(['clicks', 'sales']) }))
      await training.begin(dataset('d2', { pins: pins(['others']) }))
      await training.begin(dataset('d3'))
      await training.touch(['sales', 'visits'], 'erased')
      await training.touch(['clicks'], 'expired')
      const found = await Promise.all(['d1', 'd2', 'd3'].map((id) => training.find(id)))
      expect(found.map((one) => one!.touched)).toEqual(['erased', null, null])
    })

    test('training.leaseSchedule() gives one lease at a time, and none for a run that was made', async () => {
      const { training } = platform
      await training.beginSchedule(schedule('s1'))
      await training.beginSchedule(schedule('s1', { cron: 'other' }))
      expect(await training.findSchedule('s1')).toEqual(schedule('s1'))
      expect(await training.findSchedule('s2')).toBeUndefined()
      expect(await training.leaseSchedule('s1', 99, { now: 200, until: 300 })).toBe(false)
      const leases = [200, 200, 299].map((now) =>
        training.leaseSchedule('s1', 100, { now, until: now + 100 }),
      )
      expect((await Promise.all(leases)).filter(Boolean)).toHaveLength(1)
      expect(await training.leaseSchedule('s1', 100, { now: 399, until: 500 })).toBe(true)
      await training.advanceSchedule('s1', 100, 160)
      await training.advanceSchedule('s1', 100, 999)
      expect(await training.listSchedules({ countMax: 10 })).toEqual([schedule('s1', { nextTime: 160 })])
      expect(await training.leaseSchedule('s1', 100, { now: 600, until: 700 })).toBe(false)
    })

    test('training.listDueSchedules() answers what is due and nobody is starting, the longest due first', async () => {
      const { training } = platform
      for (const [at, nextTime] of [30, 10, 40, 10, 41, null, 20].entries())
        await training.beginSchedule(schedule(`s${at}`, { nextTime, createdTime: 100 - at }))
      const due = async (countMax: number, now = 40) =>
        (await training.listDueSchedules({ now, countMax })).map(({ id }) => id)
      expect(await due(9)).toEqual(['s1', 's3', 's6', 's0', 's2'])
      expect(await due(2)).toEqual(['s1', 's3'])
      expect(await training.listDueSchedules({ now: 40, countMax: 1 })).toEqual([
        schedule('s1', { nextTime: 10, createdTime: 99 }),
      ])
      await training.leaseSchedule('s1', 10, { now: 40, until: 50 })
      await training.advanceSchedule('s3', 10, null)
      expect(await due(9)).toEqual(['s6', 's0', 's2'])
      expect(await due(9, 50)).toEqual(['s1', 's6', 's0', 's2', 's4'])
    })

    test('training.cancelSchedule() ends a schedule for good', async () => {
      const { training } = platform
      await training.beginSchedule(schedule('s1'))
      expect(await training.cancelSchedule('s1')).toBe(true)
      expect(await training.cancelSchedule('s1')).toBe(false)
      await training.advanceSchedule('s1', 100, 160)
      expect(await training.findSchedule('s1')).toMatchObject({ nextTime: null })
    })

    test('jobRecords.findAll() answers those that there are, of more ids than a statement binds', async () => {
      const { jobRecords } = platform
      for (const id of ['j1', 'j2', 'j3']) await jobRecords.begin(job(id))
      const others = Array.from({ length: 200 }, (_, at) => `other-${at}`)
      const found = await jobRecords.findAll(['j3', ...others, 'j1'])
      expect(found.map(({ id }) => id).sort()).toEqual(['j1', 'j3'])
      expect(found.find(({ id }) => id === 'j1')).toEqual(await jobRecords.find('j1'))
      expect(await jobRecords.findAll([])).toEqual([])
    })

    test('jobRecords.cancel() ends a job that has not ended, and what comes late changes nothing', async () => {
      const { jobRecords } = platform
      for (const id of ['j1', 'j2']) await jobRecords.begin(job(id))
      await jobRecords.update('j2', { status: 'succeeded' })
      expect(await jobRecords.cancel('j1')).toBe(true)
      expect(await jobRecords.cancel('j1')).toBe(false)
      expect(await jobRecords.cancel('j2')).toBe(false)
      expect(await jobRecords.cancel('j3')).toBe(false)
      await jobRecords.update('j1', { status: 'succeeded' })
      await jobRecords.update('j1', { done: 5 })
      expect(await jobRecords.find('j1')).toMatchObject({ status: 'cancelled', done: 5 })
      await jobRecords.update('j1', { status: 'queued' })
      expect(await jobRecords.find('j1')).toMatchObject({ status: 'queued' })
    })
  })
}
