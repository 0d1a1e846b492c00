import { beforeEach, describe, expect, test } from 'vitest'
import { blockHead, encodeBlock } from '../../src/core/block.ts'
import { bitsText } from '../../src/core/entity-key.ts'
import { decodeRawGroups, encodeRawGroup } from '../../src/core/raw-row.ts'
import { blockKey } from '../../src/definitions/block-key.ts'
import type { ArrivedLetter } from '../../src/definitions/dead-letter.ts'
import { assembleDefinitions } from '../../src/definitions/definition-index.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { rawLog } from '../../src/definitions/raw-log.ts'
import { segmentRecord } from '../../src/definitions/segment-record.ts'
import { EMPTY_SNAPSHOT } from '../../src/definitions/snapshot.ts'
import { servingIndex, splitSnapshot } from '../../src/definitions/snapshot-index.ts'
import {
  type DutyRun,
  type GenerationHead,
  type GenerationPage,
  type LandedFile,
  type LoadChunk,
  type LoadRecord,
  type Platform,
  QUOTATION_ERASED,
  type QuarantinePage,
  refusedFileId,
} from '../../src/platform.ts'
import { proposeDefinitions } from '../../src/registry/read-proposal.ts'

const { index, texts } = proposeDefinitions(
  DefinitionSet.parse({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], description: '§ "quoted"' }],
  }),
)
const EMPTY_INDEX = splitSnapshot(EMPTY_SNAPSHOT).index

const generation = (number: number, version = 1): GenerationHead => ({
  generation: number,
  appliedTime: number * 10,
  author: 'test',
  index,
  versions: { clicks: { version, fingerprint: `f${version}` } },
  blockBits: { 'user/main': 11 },
  transition: {
    unfilled: { 'clicks@2': 3 },
    kept: { 'clicks@1': 1 },
    held: { ranker: { generation: 1, views: { clicks: 'clicks@1' } } },
  },
})

const record = (name: string, bytes = 3) =>
  segmentRecord({ viewId: 'clicks@1', bucket: '01', name }, bytes, {
    rowCount: 2,
    eventTimeMin: -5,
    eventTimeMax: 9_000_000_000_000_000,
    ingestTimeMin: 1,
    ingestTimeMax: 2,
  })

const load = (id: string, change: Partial<LoadRecord> = {}): LoadRecord => ({
  id,
  source: 'clicks',
  file: 'a.parquet',
  etag: 'e1',
  bytes: 10,
  ingestTime: 100,
  badRowsMax: 0,
  attempt: 0,
  status: 'queued',
  generation: 1,
  chunkCount: 1,
  isRegistered: false,
  ignored: [],
  startedTime: null,
  endedTime: null,
  error: null,
  heartbeatTime: 100,
  ...change,
})

const FIRST = { attempt: 0, generation: 1 }

const chunk = (number: number): LoadChunk => ({
  chunk: number,
  read: 2,
  written: 1,
  rejected: 1,
  quarantined: 0,
  segments: [record(`chunk-${number}`)],
  rejections: [{ row: 1, message: 'bad' }],
  isSynced: false,
})

const letter = (id: string, change: Partial<ArrivedLetter> = {}): ArrivedLetter => ({
  id,
  body: `body of ${id}`,
  source: 'clicks',
  rows: 2,
  time: 5,
  sentTime: 1,
  ...change,
})

const failure = (id: string, reason: string, attempts = 1, time = 3) => ({ id, reason, attempts, time })

/** What every platform must do; run by each implementation. */
export function describePlatform(name: string, createPlatform: () => Promise<Platform>): void {
  describe(`${name} platform`, () => {
    let platform: Platform
    beforeEach(async () => {
      platform = await createPlatform()
    })

    test('nextId() gives 26 characters, never the same twice', () => {
      const ids = Array.from({ length: 1_000 }, () => platform.nextId())
      expect(new Set(ids).size).toBe(1_000)
      for (const id of ids) expect(id).toMatch(/^[0-9a-z]{26}$/)
    })

    test('registry is at generation 0 before the first apply', async () => {
      expect(await platform.registry.readGeneration()).toBe(0)
      expect(await platform.registry.read()).toBeUndefined()
      expect(await platform.registry.list()).toEqual([])
      expect(await platform.registry.readVersions()).toEqual({})
    })

    test('expectationTallies count a message once, however often it is counted, and go on doing so in sums', async () => {
      const { expectationTallies } = platform
      const tally = (
        id: string,
        time: number,
        counts: Readonly<Record<string, number>>,
        source = 'clicks',
      ) => ({
        id,
        source,
        time,
        counts,
      })
      expect(await expectationTallies.read('clicks', 0)).toEqual({})
      await expectationTallies.fold(100)
      await expectationTallies.write([tally('a', 10, { sane: 2, usual: 1 }), tally('b', 20, { sane: 3 })])
      await expectationTallies.write([tally('b', 21, { sane: 4 }), tally('b', 30, { sane: 9 }, 'sales')])
      expect(await expectationTallies.read('clicks', 15)).toEqual({
        sane: { unmet: 6, unmetSince: 4, newestTime: 21 },
        usual: { unmet: 1, unmetSince: 0, newestTime: 10 },
      })
      await expectationTallies.fold(21)
      await expectationTallies.write([tally('c', 40, { usual: 5 })])
      await expectationTallies.fold(21)
      expect(await expectationTallies.read('clicks', 15)).toEqual({
        sane: { unmet: 6, unmetSince: 4, newestTime: 21 },
        usual: { unmet: 6, unmetSince: 5, newestTime: 40 },
      })
      await expectationTallies.fold(100)
      expect(await expectationTallies.read('clicks', 15)).toEqual({
        sane: { unmet: 6, unmetSince: 0, newestTime: 21 },
        usual: { unmet: 6, unmetSince: 0, newestTime: 40 },
      })
      expect(await expectationTallies.read('sales', 0)).toMatchObject({ sane: { unmet: 9 } })
    })

    test('quarantine lists the ids of all batches, released ones too, and deletes', async () => {
      const row = { index: 0, view: null, reason: 'bad', cells: '1' }
      const batch = (id: string) => ({
        id,
        source: 'clicks',
        pushId: id,
        doorTime: 5,
        columns: ['item'],
        rows: [row],
      })
      for (const id of ['c', 'a', 'b']) await platform.quarantine.write(batch(id))
      await platform.quarantine.release('clicks', 'a', 9)
      expect(await platform.quarantine.listIds('clicks', { after: '', countMax: 2 })).toEqual(['a', 'b'])
      expect(await platform.quarantine.listIds('clicks', { after: 'b', countMax: 2 })).toEqual(['c'])
      await platform.quarantine.delete('clicks', 'b')
      expect(await platform.quarantine.read('clicks', 'b')).toBeUndefined()
      expect(await platform.quarantine.listIds('clicks', { after: '', countMax: 9 })).toEqual(['a', 'c'])
    })

    test('quarantine keeps a batch until it is released, the last written of its id', async () => {
      const batch = (reason: string) => ({
        id: 'push-1.0',
        source: 'clicks',
        pushId: 'push-1',
        doorTime: 5,
        columns: ['at'],
        rows: [{ index: 3, view: null, reason, cells: '"x"' }],
      })
      expect(await platform.quarantine.list({ source: 'clicks', countMax: 10 })).toEqual([])
      await platform.quarantine.write(batch('bad'))
      await platform.quarantine.write(batch('worse'))
      expect(await platform.quarantine.list({ source: 'clicks', countMax: 10 })).toEqual([
        { id: 'push-1.0', source: 'clicks', rowCount: 1, doorTime: 5, reason: 'worse', isReleased: false },
      ])
      expect(await platform.quarantine.list({ source: 'others', countMax: 10 })).toEqual([])
      expect(await platform.quarantine.read('clicks', 'push-1.0')).toEqual(batch('worse'))
      expect(await platform.quarantine.read('clicks', 'push-2.0')).toBeUndefined()
      await platform.quarantine.release('clicks', 'push-1.0', 9)
      expect(await platform.quarantine.find('clicks', 'push-1.0')).toMatchObject({ isReleased: true })
      expect(await platform.quarantine.find('clicks', 'push-2.0')).toBeUndefined()
      expect(await platform.quarantine.list({ source: 'clicks', countMax: 10 })).toEqual([])
      expect(await platform.quarantine.read('clicks', 'push-1.0')).toEqual(batch('worse'))
    })

    test('quarantine.list() goes newest first through pages, of one source and of all', async () => {
      const { quarantine } = platform
      for (const [at, id] of ['a', 'b', 'c', 'd'].entries())
        await quarantine.write({
          id,
          source: id === 'c' ? 'sales' : 'clicks',
          pushId: 'p',
          doorTime: at < 2 ? 5 : 6,
          columns: ['at'],
          rows: [{ index: 0, view: null, reason: 'bad', cells: '"x"' }],
        })
      const ids = async (page: QuarantinePage) => (await quarantine.list(page)).map(({ id }) => id)
      expect(await ids({ countMax: 9 })).toEqual(['d', 'c', 'b', 'a'])
      expect(await ids({ countMax: 2, after: { time: 6, id: 'd' } })).toEqual(['c', 'b'])
      expect(await ids({ countMax: 9, after: { time: 5, id: 'b' }, source: 'clicks' })).toEqual(['a'])
      expect(await ids({ countMax: 2, source: 'clicks' })).toEqual(['d', 'b'])
      await quarantine.release('clicks', 'b', 9)
      expect(await ids({ countMax: 2, after: { time: 6, id: 'c' } })).toEqual(['a'])
    })

    test('tokens are found by hash until they are revoked, and listed after that too', async () => {
      const { tokens } = platform
      const [secret, hash] = [tokens.createSecret(), await tokens.digest('abc')]
      expect(secret).toMatch(/^[0-9a-f]{64}$/)
      expect(tokens.createSecret()).not.toBe(secret)
      expect(hash).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
      const grant = { id: 't1', name: 'ann', scopes: ['read'] as const, names: ['a'], expiresTime: 9 }
      const token = { ...grant, hash, createdTime: 5, author: 'admin', revokedTime: null }
      expect(await tokens.findGrant(hash)).toBeUndefined()
      await tokens.insert(token)
      expect(await tokens.find('t1')).toEqual(token)
      expect(await tokens.find('t2')).toBeUndefined()
      const other = { ...token, id: 't2', hash: await tokens.digest('other'), createdTime: 6, names: null }
      await tokens.insert(other)
      expect(await tokens.findGrant(other.hash)).toEqual({ ...grant, id: 't2', names: null })
      const all = { countMax: 10 }
      expect(await tokens.list(all)).toEqual([other, token])
      expect(await tokens.list({ countMax: 1 })).toEqual([other])
      expect(await tokens.list({ after: { time: 6, id: 't2' }, countMax: 10 })).toEqual([token])
      expect(await tokens.list({ after: { time: 6, id: 't3' }, countMax: 10 })).toEqual([other, token])
      expect(await tokens.list({ after: { time: 5, id: 't1' }, countMax: 10 })).toEqual([])
      expect(await tokens.findAll(['t1', 't9'])).toEqual([token])
      expect(await tokens.findAll([])).toEqual([])
      await tokens.revoke('t1', 7)
      expect(await tokens.find('t1')).toEqual({ ...token, revokedTime: 7 })
      expect(await tokens.list(all)).toHaveLength(2)
    })

    test('registry.insert() keeps generations whole and gives a number once', async () => {
      expect(await platform.registry.insert(generation(1), EMPTY_INDEX)).toBe(true)
      expect(await platform.registry.insert(generation(2, 2), EMPTY_INDEX)).toBe(true)
      expect(await platform.registry.insert({ ...generation(2, 3), author: 'loser' }, EMPTY_INDEX)).toBe(
        false,
      )
      expect(await platform.registry.readGeneration()).toBe(2)
      expect(await platform.registry.readHead()).toEqual(generation(2, 2))
      expect(await platform.registry.readHead(1)).toEqual(generation(1))
      expect(await platform.registry.readHead(7)).toBeUndefined()
      expect(await platform.registry.readSnapshot(2)).toEqual(EMPTY_INDEX)
      expect(await platform.registry.readSnapshot(3)).toBeUndefined()
      await platform.registry.replaceSnapshot({ ...EMPTY_INDEX, generation: 2 })
      expect(await platform.registry.readSnapshot(2)).toEqual({ ...EMPTY_INDEX, generation: 2 })
      expect(await platform.registry.read(7)).toBeUndefined()
      expect(await platform.registry.readVersions()).toEqual({ clicks: 2 })
      expect(await platform.registry.listVersions('clicks')).toEqual([
        { version: 2, generation: 2 },
        { version: 1, generation: 1 },
      ])
      expect(await platform.registry.listVersions('none')).toEqual([])
      expect((await platform.registry.list()).map((one) => one.generation)).toEqual([2, 1])
      const page = async (of: GenerationPage) =>
        (await platform.registry.list(of)).map(({ generation }) => generation)
      expect(await page({ countMax: 1 })).toEqual([2])
      expect(await page({ countMax: 5, before: 2 })).toEqual([1])
      expect(await page({ countMax: 5, before: 1 })).toEqual([])
      expect(await platform.registry.listPublished()).toEqual([2, 1])
      await platform.registry.endPublication(1)
      expect(await platform.registry.listPublished()).toEqual([2])
    })

    test('registry.read() puts the definitions of a generation together again', async () => {
      await platform.registry.writePieces(texts)
      await platform.registry.insert(generation(1), EMPTY_INDEX)
      const definitions = assembleDefinitions(index, texts)
      expect(definitions.entities[0]!.description).toBe('§ "quoted"')
      expect(await platform.registry.read()).toEqual({ ...generation(1), definitions })
    })

    test('registry.readPieces() gives any number of pieces of any length, and none that is not stored', async () => {
      // Longer than a row of D1 may be, and more than one statement, one transaction and one query take.
      const long = new Map([['long', '0123456789'.repeat(400_000)]])
      const many = new Map(Array.from({ length: 450 }, (_, at) => [`hash-${at}`, `"${at}"`]))
      await platform.registry.writePieces(new Map([...long, ...many]))
      await platform.registry.writePieces(long)
      const read = await platform.registry.readPieces([...many.keys(), 'long', 'none', 'long'])
      expect(read.size).toBe(451)
      expect(read.get('hash-449')).toBe('"449"')
      expect(read.get('long') === long.get('long')).toBe(true)
      expect(await platform.registry.readPieces([])).toEqual(new Map())
    })

    test('registry.forgetPieces() forgets what was written long ago and never named', async () => {
      const lost = ['lost', '{}'] as const
      await platform.registry.writePieces(new Map([...texts, lost]))
      expect(await platform.registry.forgetPieces(0)).toBe(0)
      await platform.registry.insert(generation(1), EMPTY_INDEX)
      expect(await platform.registry.forgetPieces(Number.MAX_SAFE_INTEGER)).toBe(1)
      expect([...(await platform.registry.readPieces([...texts.keys(), 'lost'])).keys()]).toEqual([
        ...texts.keys(),
      ])
    })

    test('snapshots.publish() is followed by the pointer', async () => {
      const snapshot = { ...servingIndex(EMPTY_INDEX), generation: 4 }
      expect(await platform.snapshots.readPointer()).toBeUndefined()
      expect(await platform.snapshots.read(4)).toBeUndefined()
      await platform.snapshots.publish(snapshot)
      expect(await platform.snapshots.readPointer()).toBe(4)
      expect(await platform.snapshots.read(4)).toEqual(snapshot)
      await platform.snapshots.publish({ ...snapshot, format: 1, generation: 5 } as never)
      expect(await platform.snapshots.read(5)).toBeUndefined()
    })

    test('snapshots.delete() takes packs and an index away', async () => {
      await platform.snapshots.writePack('p1', '{"a":1}')
      await platform.snapshots.writePack('p2', '{}')
      await platform.snapshots.publish({ ...servingIndex(EMPTY_INDEX), generation: 4 })
      expect(await platform.snapshots.readPack('p1')).toBe('{"a":1}')
      await platform.snapshots.delete(4, ['p1'])
      expect(await platform.snapshots.readPack('p1')).toBeUndefined()
      expect(await platform.snapshots.readPack('p2')).toBe('{}')
      expect(await platform.snapshots.read(4)).toBeUndefined()
    })

    test('online.readBlocks() answers any number of keys in order, null for what is not there', async () => {
      await platform.online.writeBlock('block/user/01', 'one')
      await platform.online.writeBlock('block/user/10', 'two')
      const keys = Array.from({ length: 250 }, (_, at) => `block/user/none-${at}`)
      keys[3] = 'block/user/10'
      keys[240] = 'block/user/01'
      const texts = await platform.online.readBlocks(keys)
      expect(texts).toHaveLength(250)
      expect(texts[3]).toBe('two')
      expect(texts[240]).toBe('one')
      expect(texts[0]).toBeNull()
      expect(await platform.online.readBlocks(['block/user/01'])).toEqual(['one'])
      expect(await platform.online.readBlocks([])).toEqual([])
    })

    test('online.listHeads() answers the heads of a group alone, of every width, in operations of a thousand', async () => {
      const text = (time: number) => encodeBlock(['v@1'], time, [])
      const space = { entity: 'user', group: 'main' }
      const keys = Array.from({ length: 1_024 }, (_, at) => blockKey(space, bitsText(at, 10)))
      await Promise.all(keys.map((key, at) => platform.online.writeBlock(key, text(at))))
      await platform.online.writeBlock(blockKey(space, '00000000000'), text(7))
      await platform.online.writeBlock(blockKey({ ...space, group: 'main2' }, bitsText(0, 10)), text(8))
      await platform.online.writeBlock(keys[3]!, text(9))
      await platform.online.deleteBlock(keys[4]!)
      const heads = await platform.online.listHeads(space, { operationsMax: 3 })
      expect(heads.size).toBe(1_024)
      expect(heads.get(keys[3]!)).toBe(blockHead(text(9)))
      expect(heads.get(blockKey(space, '00000000000'))).toBe(blockHead(text(7)))
      expect(heads.has(keys[4]!)).toBe(false)
      expect((await platform.online.listHeads(space, { operationsMax: 1 })).size).toBe(1_000)
      expect((await platform.online.listHeads({ ...space, group: 'none' }, { operationsMax: 1 })).size).toBe(
        0,
      )
    })

    test('offline.writeSegment() never replaces an object', async () => {
      const { path } = record('a')
      await platform.offline.writeSegment(path, Uint8Array.of(1, 2, 3))
      await platform.offline.writeSegment(path, Uint8Array.of(9, 9, 9))
      const buffer = platform.offline.openSegment(record('a'))
      expect(new Uint8Array(await buffer.slice(0))).toEqual(Uint8Array.of(1, 2, 3))
      expect(new Uint8Array(await buffer.slice(1, 2))).toEqual(Uint8Array.of(2))
    })

    test('offline.register() enters a segment once and list() gives it back as it was', async () => {
      await platform.offline.register([record('a'), record('b')])
      await platform.offline.register([record('b', 99)])
      await platform.offline.register([])
      const listed = await platform.offline.list('clicks', 1)
      expect(listed.map(({ path }) => path).sort()).toEqual([record('a').path, record('b').path])
      expect(listed.find(({ path }) => path === record('b').path)).toMatchObject(record('b'))
      expect(await platform.offline.list('clicks', 2)).toEqual([])
    })

    test('offline.register() gives what it enters the next commit, and keeps what was there in its own (S5)', async () => {
      expect(await platform.offline.readCommit()).toBe(0)
      await platform.offline.register([record('a')])
      const first = await platform.offline.readCommit()
      await platform.offline.register([record('a'), record('b')])
      const second = await platform.offline.readCommit()
      expect(second).toBeGreaterThan(first)
      const listed = await platform.offline.list('clicks', 1)
      expect(listed.map(({ path, commit }) => [path, commit]).sort()).toEqual([
        [record('a').path, first],
        [record('b').path, second],
      ])
    })

    test('offline.replace() puts one segment in the place of several, or changes nothing', async () => {
      const { offline } = platform
      await offline.register([record('a')])
      await offline.register([record('b')])
      const made = { ...record('merged'), commit: 2, commitMin: 1 }
      expect(await offline.replace([record('a').path, record('none').path], made)).toBe(false)
      expect(await offline.list('clicks', 1)).toHaveLength(2)
      const paths = [record('a').path, record('b').path]
      expect(await offline.replace(paths, made)).toBe(true)
      expect(await offline.replace(paths, made)).toBe(true)
      expect(await offline.list('clicks', 1)).toEqual([made])
      const other = { ...record('other'), commit: 2, commitMin: 1 }
      expect(await offline.replace(paths, other)).toBe(false)
      // A cut that was registered before, and is repeated after a crash, does not count again.
      await offline.register([record('a')])
      expect(await offline.list('clicks', 1)).toEqual([made])
    })

    test('offline.removeReplaced() removes what was replaced before a time, objects and all', async () => {
      const { offline } = platform
      for (const name of ['a', 'b']) await offline.writeSegment(record(name).path, Uint8Array.of(1))
      await offline.register([record('a'), record('b')])
      const paths = [record('a').path, record('b').path]
      await offline.replace(paths, { ...record('merged'), commit: 1, commitMin: 1 })
      expect(await offline.removeReplaced(0, 10)).toBe(0)
      const later = platform.clock.now() + 1_000_000
      expect(await offline.removeReplaced(later, 1)).toBe(1)
      expect(await offline.removeReplaced(later, 10)).toBe(1)
      expect(await offline.removeReplaced(later, 10)).toBe(0)
      expect((await offline.list('clicks', 1)).map(({ path }) => path)).toEqual([record('merged').path])
      // The paths are free again: neither object is there any more.
      await offline.writeSegment(record('a').path, Uint8Array.of(7))
      expect(new Uint8Array(await offline.openSegment({ ...record('a'), bytes: 1 }).slice(0))).toEqual(
        Uint8Array.of(7),
      )
    })

    test('offline.listUnnamed() finds what was put into a bucket before a time and counts for nobody (S11)', async () => {
      const { offline, clock } = platform
      const other = { ...record('other'), path: record('other').path.replace('bucket=', 'bucket=1') }
      for (const { path } of [record('a'), record('b'), record('c'), other])
        await offline.writeSegment(path, Uint8Array.of(1, 2, 3))
      await offline.register([record('a'), record('c')])
      await offline.replace([record('c').path], null)
      const log = { view: 'clicks', version: 1 }
      const later = clock.now() + 60_000_000
      const { bucket } = record('a')
      const [found, ...more] = await offline.listUnnamed(log, { buckets: [bucket], before: later })
      expect(found).toMatchObject({ path: record('b').path, bytes: 3 })
      expect(Math.abs(found!.time - clock.now())).toBeLessThan(60_000_000)
      expect(more).toEqual([])
      expect(await offline.listUnnamed(log, { buckets: [bucket], before: 0 })).toEqual([])
    })

    test('offline.listFragmented() names the logs of which a bucket has many small segments', async () => {
      const { offline } = platform
      await offline.register([record('a', 10), record('b', 10), record('c', 10), record('large', 100)])
      const small = { bytesMax: 10, rowCountMax: 2, countMin: 3 }
      expect(await offline.listFragmented(small)).toEqual([{ view: 'clicks', version: 1 }])
      expect(await offline.listFragmented({ ...small, rowCountMax: 1 })).toEqual([])
      expect(await offline.listFragmented({ ...small, countMin: 4 })).toEqual([])
      expect(await offline.listFragmented({ ...small, countMin: 4, bytesMax: 100 })).toHaveLength(1)
    })

    test('cron gives a duty to one holder until its run has ended or its lease expired', async () => {
      const { cron } = platform
      const run = (startedTime: number, change: Partial<DutyRun> = {}): DutyRun => ({
        name: 'load',
        startedTime,
        endedTime: startedTime + 1,
        outcome: null,
        error: null,
        ...change,
      })
      const lease = (holder: string, now: number, duty = 'load') =>
        cron.lease(duty, { holder, now, until: now + 10 })
      expect(await Promise.all([lease('a', 0), lease('b', 0)].map((taken) => taken))).toEqual([true, false])
      expect(await lease('b', 0, 'tend')).toBe(true)
      expect(await lease('b', 9)).toBe(false)
      expect(await lease('b', 10)).toBe(true)
      await cron.endRun(run(0, { outcome: 'two begun' }), 'a')
      expect(await lease('c', 11)).toBe(false)
      await cron.endRun(run(10), 'b')
      expect(await lease('c', 11)).toBe(true)
      await cron.endRun(run(11, { error: 'why' }), 'c')
      await cron.endRun(run(5, { outcome: 'late' }), 'd')
      expect(await cron.listRuns()).toEqual([run(11, { error: 'why' }), run(10)])
    })

    test('cron notes a refused file once', async () => {
      const { cron } = platform
      const file = (name: string, etag = 'e', time = 1) => ({
        source: 'clicks',
        file: name,
        etag,
        reason: `no ${name}`,
        time,
      })
      expect(await cron.noteRefused([])).toEqual([])
      expect(await cron.noteRefused([file('a')])).toEqual([file('a')])
      const others = Array.from({ length: 50 }, (_, at) => file(`b${at}`, 'e', 3))
      expect(await cron.noteRefused([file('a', 'e', 2), file('a', 'f', 4), ...others])).toHaveLength(51)
      const [first, second] = await cron.listRefused({ countMax: 2 })
      expect([first, second]).toEqual([file('a', 'f', 4), file('b9', 'e', 3)])
      const after = { time: 3, id: refusedFileId(second!) }
      const rest = await cron.listRefused({ after, countMax: 100 })
      expect([rest.length, rest[0], rest.at(-1)]).toEqual([50, file('b8', 'e', 3), file('a')])
      const keys = await cron.listRefusedKeys({ countMax: 3 })
      expect(keys.map(refusedFileId)).toEqual(['clicks/a/e', 'clicks/a/f', 'clicks/b0/e'])
      const later = await cron.listRefusedKeys({ after: keys[1], countMax: 100 })
      expect(later.map(refusedFileId)).toEqual(others.map(refusedFileId).sort())
      expect(later[0]).toEqual({ source: 'clicks', file: 'b0', etag: 'e' })
      await cron.noteRefused([{ ...file('a'), source: 'sales' }])
      const last = [{ source: 'sales', file: 'a', etag: 'e' }]
      expect(await cron.listRefusedKeys({ after: later.at(-1), countMax: 9 })).toEqual(last)
      expect((await cron.listRefusedKeys({ countMax: 100 })).slice(52)).toEqual(last)
      await cron.forgetRefused([...others, file('a', 'f'), { ...file('a'), source: 'sales' }])
      expect(await cron.listRefused({ countMax: 100 })).toEqual([file('a')])
    })

    test("landing.rewrite() puts other bytes in a file's place, tells before what it will be, and leaves another file alone (S11)", async () => {
      const { landing } = platform
      const bytes = Uint8Array.from({ length: 100 }, (_, at) => at)
      const file = await landing.write('clicks', 'a', streamOf(bytes), 100)
      const told: LandedFile[] = []
      async function* make() {
        yield bytes.subarray(0, 30)
        yield bytes.subarray(40)
      }
      const content = { make, before: async (made: LandedFile) => void told.push(made) }
      expect(await landing.rewrite('clicks', file, content)).toBe(true)
      expect(await landing.find('clicks', 'a')).toEqual(told[0])
      const left = await Array.fromAsync(landing.stream('clicks', told[0]!))
      expect(left.flatMap((part) => [...part])).toEqual([...bytes.subarray(0, 30), ...bytes.subarray(40)])
      expect(await landing.rewrite('clicks', file, content)).toBe(false)
      expect(await landing.find('clicks', 'a')).toEqual(told[0])
    })

    test('landing keeps a file under its name, reads ranges, and notices its replacement', async () => {
      const bytes = Uint8Array.from({ length: 100 }, (_, at) => at)
      const file = await platform.landing.write('clicks', 'in/a.parquet', streamOf(bytes), 100)
      expect(file).toMatchObject({ name: 'in/a.parquet', bytes: 100 })
      expect(await platform.landing.find('clicks', 'in/a.parquet')).toEqual(file)
      expect(await platform.landing.find('clicks', 'b')).toBeUndefined()
      expect(await platform.landing.list('clicks')).toEqual([file])
      expect(await platform.landing.list('click')).toEqual([])
      expect(await platform.landing.listSources()).toEqual(['clicks'])
      expect(new Uint8Array(await platform.landing.open('clicks', file).slice(10, 12))).toEqual(
        Uint8Array.of(10, 11),
      )
      const streamed = await Array.fromAsync(platform.landing.stream('clicks', file))
      expect(streamed.flatMap((part) => [...part])).toEqual([...bytes])
      await platform.landing.write('clicks', 'in/a.parquet', streamOf(bytes.toReversed()), 100)
      await expect(Array.fromAsync(platform.landing.stream('clicks', file))).rejects.toMatchObject({
        code: 'failed_precondition',
      })
      await expect((async () => platform.landing.open('clicks', file).slice(0, 5))()).rejects.toMatchObject({
        code: 'failed_precondition',
      })
    })

    test('events.readBacklog() answers no age while nothing waits', async () => {
      expect(await platform.events.readBacklog()).toEqual({ messageCount: 0, oldestTime: null })
    })

    test('pushes.find() finds what began and nothing else', async () => {
      const record = {
        id: 'k',
        pushId: 'p1',
        doorTime: 1,
        generation: 1,
        bodyFingerprint: 'b1',
        answer: null,
      }
      await platform.pushes.begin(record)
      expect(await platform.pushes.find('k')).toEqual(record)
      expect(await platform.pushes.find('l')).toBeUndefined()
    })

    test('pushes.begin() answers the first record of a key', async () => {
      const first = { id: 'k', pushId: 'p1', doorTime: 1, generation: 1, bodyFingerprint: 'b1', answer: null }
      expect(await platform.pushes.begin(first)).toEqual(first)
      expect(await platform.pushes.begin({ ...first, pushId: 'p2', bodyFingerprint: 'b2' })).toEqual(first)
      await platform.pushes.finish('k', '{"done":true}')
      expect(await platform.pushes.begin(first)).toEqual({ ...first, answer: '{"done":true}' })
    })

    test('loads.begin() answers the first load of a file, and update() changes it', async () => {
      expect(await platform.loads.begin(load('l1'))).toEqual(load('l1'))
      expect(await platform.loads.begin(load('l1', { ingestTime: 999 }))).toEqual(load('l1'))
      await platform.loads.begin(load('l2', { ingestTime: 200 }))
      expect((await platform.loads.list('clicks')).map(({ id }) => id)).toEqual(['l2', 'l1'])
      expect((await platform.loads.listUnfinished()).map(({ id }) => id)).toEqual(['l1', 'l2'])
      await platform.loads.update('l1', 0, { status: 'failed', error: 'why' })
      expect(await platform.loads.find('l1')).toEqual(load('l1', { status: 'failed', error: 'why' }))
      expect((await platform.loads.listUnfinished()).map(({ id }) => id)).toEqual(['l2'])
      expect(await platform.loads.find('l3')).toBeUndefined()
    })

    test('loads.register() registers every chunk at once, and only under the newest generation', async () => {
      await platform.registry.insert(generation(1), EMPTY_INDEX)
      await platform.loads.begin(load('l1', { status: 'running' }))
      for (const number of [0, 1]) await platform.loads.writeChunk('l1', FIRST, chunk(number))
      expect(await platform.loads.listChunks('l1')).toEqual([chunk(0), chunk(1)])
      expect(await platform.loads.findChunk('l1', 1)).toEqual(chunk(1))
      expect(await platform.loads.findChunk('l1', 2)).toBeUndefined()
      await platform.registry.insert(generation(2), EMPTY_INDEX)
      expect(await platform.loads.register('l1', FIRST)).toBe(false)
      expect(await platform.offline.list('clicks', 1)).toEqual([])
      expect(await platform.loads.register('l1', { attempt: 0, generation: 2 })).toBe(true)
      expect(await platform.loads.register('l1', { attempt: 0, generation: 2 })).toBe(true)
      expect(await platform.offline.list('clicks', 1)).toHaveLength(2)
      expect((await platform.loads.find('l1'))?.isRegistered).toBe(true)
      await platform.loads.begin(load('l2', { status: 'running' }))
      await platform.loads.writeChunk('l2', FIRST, chunk(2))
      await platform.loads.fail('l2', { attempt: 0, generation: 1, error: 'why', endedTime: 300 })
      expect(await platform.loads.register('l2', { attempt: 0, generation: 2 })).toBe(false)
      expect(await platform.offline.list('clicks', 1)).toHaveLength(2)
    })

    test('loads.writeChunk() writes nothing of a load that is not running under its generation, or is registered', async () => {
      const { loads, registry } = platform
      await registry.insert(generation(1), EMPTY_INDEX)
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.begin(load('l1'))
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.update('l1', 0, { status: 'running' })
      await loads.writeChunk('l1', { attempt: 0, generation: 2 }, chunk(0))
      expect(await loads.listChunks('l1')).toEqual([])
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.writeChunk('l1', FIRST, { ...chunk(0), read: 3 })
      expect(await loads.listChunks('l1')).toEqual([{ ...chunk(0), read: 3 }])
      await loads.register('l1', FIRST)
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.writeChunk('l1', FIRST, chunk(1))
      expect(await loads.listChunks('l1')).toEqual([{ ...chunk(0), read: 3 }])
    })

    test('loads.beginRun() forgets the chunks of the run before, and a cancelled load keeps its status', async () => {
      const { loads } = platform
      await loads.begin(load('l1', { status: 'running' }))
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.beginRun('l1', 0, { status: 'running', generation: 2 })
      expect(await loads.listChunks('l1')).toEqual([])
      expect(await loads.find('l1')).toEqual(load('l1', { status: 'running', generation: 2 }))
      await loads.writeChunk('l1', FIRST, chunk(0))
      expect(await loads.listChunks('l1')).toEqual([])
      await loads.cancel('l1')
      await loads.beginRun('l1', 0, { status: 'running', generation: 3 })
      expect(await loads.find('l1')).toMatchObject({ status: 'cancelled' })
    })

    test('loads.beginRun() keeps the chunks of a load that history shows', async () => {
      const { loads, registry } = platform
      await registry.insert(generation(1), EMPTY_INDEX)
      await loads.begin(load('l1', { status: 'running' }))
      await loads.writeChunk('l1', FIRST, chunk(0))
      await loads.register('l1', FIRST)
      await loads.beginRun('l1', 0, { status: 'running', generation: 2 })
      expect(await loads.listChunks('l1')).toEqual([chunk(0)])
      await loads.fail('l1', { attempt: 0, generation: 2, error: 'why', endedTime: 300 })
      await loads.tryAgain('l1', { badRowsMax: 0, heartbeatTime: 400 })
      expect(await loads.listChunks('l1')).toEqual([chunk(0)])
      expect(await loads.find('l1')).toMatchObject({ status: 'queued', isRegistered: true })
    })

    test('loads.tryAgain() queues a load that has failed, once, and forgets its chunks', async () => {
      const { loads } = platform
      await loads.begin(load('l1', { status: 'running', startedTime: 200 }))
      await loads.writeChunk('l1', FIRST, chunk(0))
      expect(await loads.tryAgain('l1', { badRowsMax: 3, heartbeatTime: 400 })).toBeUndefined()
      expect(await loads.listChunks('l1')).toEqual([chunk(0)])
      await loads.fail('l1', { ...FIRST, error: 'why', endedTime: 300 })
      const queued = load('l1', { attempt: 1, badRowsMax: 3, heartbeatTime: 400 })
      expect(await loads.tryAgain('l1', { badRowsMax: 3, heartbeatTime: 400 })).toEqual(queued)
      expect(await loads.tryAgain('l1', { badRowsMax: 5, heartbeatTime: 500 })).toBeUndefined()
      expect(await loads.find('l1')).toEqual(queued)
      expect(await loads.listChunks('l1')).toEqual([])
      expect(await loads.tryAgain('l2', { badRowsMax: 0, heartbeatTime: 400 })).toBeUndefined()
    })

    test('loads change nothing for whoever is of an attempt before', async () => {
      const { loads, registry, offline } = platform
      await registry.insert(generation(1), EMPTY_INDEX)
      await loads.begin(load('l1', { status: 'running' }))
      await loads.fail('l1', { ...FIRST, error: 'why', endedTime: 300 })
      await loads.tryAgain('l1', { badRowsMax: 0, heartbeatTime: 400 })
      await loads.beginRun('l1', 1, { status: 'running' })
      await loads.writeChunk('l1', { ...FIRST, attempt: 1 }, chunk(0))
      const [before, chunks] = [await loads.find('l1'), await loads.listChunks('l1')]
      expect(chunks).toEqual([chunk(0)])
      await loads.update('l1', 0, { status: 'succeeded', heartbeatTime: 500 })
      await loads.beginRun('l1', 0, { status: 'running', chunkCount: 7 })
      await loads.beat('l1', { ...FIRST, error: 'hindered', heartbeatTime: 500 })
      await loads.fail('l1', { ...FIRST, error: 'late', endedTime: 500 })
      await loads.writeChunk('l1', FIRST, { ...chunk(0), read: 9 })
      await loads.writeChunk('l1', FIRST, chunk(1))
      await loads.markSynced('l1', 0, 0)
      expect(await loads.register('l1', FIRST)).toBe(false)
      expect([await loads.find('l1'), await loads.listChunks('l1')]).toEqual([before, chunks])
      expect(await offline.list('clicks', 1)).toEqual([])
      expect(await loads.register('l1', { ...FIRST, attempt: 1 })).toBe(true)
      await loads.markSynced('l1', 1, 0)
      expect(await loads.findChunk('l1', 0)).toEqual({ ...chunk(0), isSynced: true })
    })

    test('loads.countChunks() tells of each share what is read, synced and bad', async () => {
      const { loads } = platform
      await loads.begin(load('l1', { status: 'running' }))
      for (const number of [0, 1, 4, 6]) await loads.writeChunk('l1', FIRST, chunk(number))
      for (const number of [4, 6, 7]) await loads.markSynced('l1', 0, number)
      const counts = [
        { read: 2, synced: 1, rejected: 2 },
        { read: 1, synced: 0, rejected: 1 },
        { read: 1, synced: 1, rejected: 1 },
        { read: 0, synced: 0, rejected: 0 },
      ]
      expect(await loads.countChunks('l1', 4)).toEqual(counts)
      expect(await loads.findChunk('l1', 4)).toEqual({ ...chunk(4), isSynced: true })
      expect(await loads.findChunk('l1', 7)).toBeUndefined()
    })

    test('loads.beat() and fail() touch no load of another generation, nor one that has ended', async () => {
      const { loads } = platform
      const end = { attempt: 0, generation: 1, error: 'why', endedTime: 300 }
      const failed = { status: 'failed', error: 'why', endedTime: 300, heartbeatTime: 300 } as const
      await loads.begin(load('l1'))
      await loads.beat('l1', { attempt: 0, generation: 1, error: 'hindered', heartbeatTime: 200 })
      expect(await loads.find('l1')).toEqual(load('l1'))
      await loads.update('l1', 0, { status: 'running' })
      await loads.beat('l1', { attempt: 0, generation: 2, error: 'hindered', heartbeatTime: 200 })
      await loads.fail('l1', { ...end, generation: 2 })
      expect(await loads.find('l1')).toEqual(load('l1', { status: 'running' }))
      await loads.beat('l1', { attempt: 0, generation: 1, error: 'hindered', heartbeatTime: 200 })
      expect(await loads.find('l1')).toMatchObject({ error: 'hindered', heartbeatTime: 200 })
      await loads.fail('l1', end)
      await loads.fail('l1', { ...end, error: 'something else' })
      await loads.beat('l1', { attempt: 0, generation: 1, error: null, heartbeatTime: 400 })
      expect(await loads.find('l1')).toEqual(load('l1', failed))
    })

    test('fills fix what they read once, tell how far they are, and register all at once', async () => {
      const { fills, offline } = platform
      expect(await fills.readProgress('fill-x-2')).toEqual({ total: 0, written: 0, synced: 0 })
      await fills.plan('fill-x-2', [record('raw-a'), record('raw-b')])
      await fills.plan('fill-x-2', [record('raw-c'), record('raw-d'), record('raw-e')])
      expect(await fills.readChunk('fill-x-2', 0)).toEqual({
        raw: record('raw-a'),
        segments: null,
        isSynced: false,
      })
      expect(await fills.readChunk('fill-x-2', 2)).toBeUndefined()
      const first = { raw: record('raw-a'), segments: [record('made-a'), record('made-b')], isSynced: false }
      await fills.writeChunk('fill-x-2', 0, first)
      expect(await fills.readProgress('fill-x-2')).toEqual({ total: 2, written: 1, synced: 0 })
      await fills.writeChunk('fill-x-2', 0, { ...first, isSynced: true })
      await fills.writeChunk('fill-x-2', 1, { raw: record('raw-b'), segments: [], isSynced: false })
      expect(await fills.readProgress('fill-x-2')).toEqual({ total: 2, written: 2, synced: 1 })
      const many = (count: number) => Array.from({ length: count }, (_, at) => record(`raw-${at}`))
      await fills.plan('fill-y-2', many(2_001))
      await fills.plan('fill-y-2', many(4_001))
      expect(await fills.readProgress('fill-y-2')).toEqual({ total: 2_001, written: 0, synced: 0 })
      await fills.forget('fill-y-2')
      expect(await fills.readProgress('fill-y-2')).toEqual({ total: 0, written: 0, synced: 0 })
      await fills.register('fill-x-2')
      await fills.register('fill-x-2')
      const listed = await offline.list('clicks', 1)
      expect(listed.map(({ path }) => path)).toEqual([record('made-a').path, record('made-b').path])
      expect(new Set(listed.map(({ commit }) => commit)).size).toBe(1)
    })

    test('rawWriters take a message once, refuse older generations once they have been cut, and forget what is logged', async () => {
      const { rawWriters, offline } = platform
      const layout = { generation: 3, source: 'clicks', shardBits: 1, shard: 1 }
      const group = (message: string, generation: number) => {
        const columns = [{ name: 'at', type: 'timestamp' as const }]
        const lines = ['0\t"1970-01-01T00:00:00Z"']
        const rows = encodeRawGroup({
          message,
          pushId: message,
          doorTime: 5,
          generation,
          columns,
          eventTime: 0,
          lines,
        })
        return { id: message, time: platform.clock.now(), rows }
      }
      const deliver = (message: string, generation = 3) =>
        rawWriters.deliver({ layout: { ...layout, generation }, groups: [group(message, generation)] })
      expect(await deliver('a')).toEqual({ status: 'committed' })
      expect(await deliver('a')).toEqual({ status: 'committed' })
      expect(decodeRawGroups(await rawWriters.readWaiting(layout))).toHaveLength(1)
      await rawWriters.cut({ ...layout, generation: 4 })
      expect(await rawWriters.readWaiting(layout)).toBe('')
      expect(await deliver('b')).toEqual({ status: 'stale', generation: 4 })
      expect(await deliver('a', 4)).toEqual({ status: 'committed' })
      await rawWriters.cut({ ...layout, generation: 4 })
      const { view, version } = rawLog('clicks')
      const logged = await offline.list(view, version)
      expect(logged.map(({ rowCount, eventTimeMin }) => [rowCount, eventTimeMin])).toEqual([[1, 0]])
      await rawWriters.wake(layout)
    })

    test('loads.cancel() ends a load whose rows history does not show, and then none is registered', async () => {
      await platform.registry.insert(generation(1), EMPTY_INDEX)
      for (const id of ['l1', 'l2', 'l3']) await platform.loads.begin(load(id, { status: 'running' }))
      for (const id of ['l1', 'l2']) await platform.loads.writeChunk(id, FIRST, chunk(0))
      expect(await platform.loads.cancel('l1')).toBe(true)
      expect(await platform.loads.cancel('l1')).toBe(false)
      expect(await platform.loads.register('l1', FIRST)).toBe(false)
      await platform.loads.update('l1', 0, { status: 'running' })
      expect(await platform.loads.find('l1')).toMatchObject({ status: 'cancelled', isRegistered: false })
      expect(await platform.offline.list('clicks', 1)).toEqual([])
      expect(await platform.loads.register('l2', FIRST)).toBe(true)
      expect(await platform.loads.cancel('l2')).toBe(false)
      await platform.loads.update('l3', 0, { status: 'failed' })
      expect(await platform.loads.cancel('l3')).toBe(false)
    })

    test('loads keep the newest rows of a chunk for the writers, those of each generation', async () => {
      const { loads } = platform
      await loads.writeNewest('l1', { generation: 2, chunk: 3 }, 'a\tb\nc\td')
      await loads.writeNewest('l1', { generation: 1, chunk: 3 }, 'old')
      expect(await loads.readNewest('l1', { generation: 2, chunk: 3 })).toBe('a\tb\nc\td')
    })

    test('loads keep plan, parts and newest rows until deleteKept()', async () => {
      const { loads } = platform
      expect(await loads.readPlan('l1', 1)).toBeUndefined()
      await loads.writePlan('l1', 1, '{}')
      await loads.writePart('l1', { generation: 1, chunk: 3 }, Uint8Array.of(1, 2))
      await loads.writeNewest('l1', { generation: 2, chunk: 3 }, 'a')
      await loads.writePlan('l11', 1, '[]')
      expect(await loads.readPlan('l1', 1)).toBe('{}')
      expect(await loads.readPlan('l1', 2)).toBeUndefined()
      expect(await loads.readPart('l1', { generation: 2, chunk: 3 })).toBeUndefined()
      expect(await loads.readPart('l1', { generation: 1, chunk: 3 })).toEqual(Uint8Array.of(1, 2))
      await loads.deleteKept('l1')
      await loads.deleteKept('l1')
      expect(await loads.readPlan('l1', 1)).toBeUndefined()
      expect(await loads.readPart('l1', { generation: 1, chunk: 3 })).toBeUndefined()
      expect(await loads.readNewest('l1', { generation: 2, chunk: 3 })).toBeUndefined()
      expect(await loads.readPlan('l11', 1)).toBe('[]')
    })

    test('deadLetters.write() keeps a letter with the failure noted last, and its body', async () => {
      const { deadLetters } = platform
      await deadLetters.noteFailures([failure('m1', 'first'), failure('m2', 'another')])
      await deadLetters.noteFailures([failure('m1', 'last', 11)])
      await deadLetters.write(letter('m1'))
      expect(await deadLetters.find(['m1', 'm2'])).toEqual([
        {
          id: 'm1',
          source: 'clicks',
          rows: 2,
          time: 5,
          reason: 'last',
          attempts: 11,
          status: 'kept',
          replayedTime: null,
        },
      ])
      expect(await deadLetters.readBody('m1')).toBe('body of m1')
      expect(await deadLetters.readBody('m2')).toBeUndefined()
    })

    test('deadLetters.write() keeps a letter whose failure was not noted and whose body tells nothing', async () => {
      await platform.deadLetters.write(letter('m1', { source: null, rows: null }))
      const [kept] = await platform.deadLetters.find(['m1'])
      expect(kept).toMatchObject({ source: null, rows: null, attempts: 0, status: 'kept' })
      expect(kept!.reason).toMatch(/could not be noted/)
    })

    test('deadLetters.write() of a letter delivered twice changes nothing, replayed or not (S9)', async () => {
      const { deadLetters } = platform
      await deadLetters.noteFailures([failure('m1', 'why', 11)])
      await deadLetters.write(letter('m1'))
      const [kept] = await deadLetters.find(['m1'])
      await deadLetters.write(letter('m1', { time: 99 }))
      expect(await deadLetters.find(['m1'])).toEqual([kept])
      await deadLetters.markReplayed(['m1'], 3_600_000_000)
      await deadLetters.write(letter('m1', { time: 99 }))
      const replayed = { ...kept, status: 'replayed', replayedTime: 3_600_000_000 }
      expect(await deadLetters.find(['m1'])).toEqual([replayed])
    })

    test('deadLetters.write() keeps a replayed letter again that failed again, noted or not', async () => {
      const { deadLetters } = platform
      for (const id of ['m1', 'm2']) await deadLetters.write(letter(id))
      await deadLetters.markReplayed(['m1', 'm2'], 3_600_000_000)
      await deadLetters.noteFailures([failure('m1', 'another reason', 4)])
      await deadLetters.write(letter('m1', { time: 9 }))
      await deadLetters.write(letter('m2', { time: 9, sentTime: 3_600_000_001 }))
      const [first, second] = (await deadLetters.find(['m1', 'm2'])).toSorted((a, b) =>
        a.id < b.id ? -1 : 1,
      )
      expect(first).toMatchObject({ status: 'kept', time: 9, reason: 'another reason', attempts: 4 })
      expect(second).toMatchObject({ status: 'kept', time: 9, attempts: 0, replayedTime: null })
    })

    test('deadLetters.rewrite() puts another body, delete() removes a letter and its failure', async () => {
      const { deadLetters } = platform
      for (const id of ['m1', 'm2']) await deadLetters.write(letter(id))
      await deadLetters.rewrite('m1', 'less', 1)
      expect(await deadLetters.readBody('m1')).toBe('less')
      await deadLetters.delete('m2')
      expect(await deadLetters.readBody('m2')).toBeUndefined()
      expect((await deadLetters.list({ limit: 10 })).map(({ id, rows }) => [id, rows])).toEqual([['m1', 1]])
    })

    test('quotations.erase() replaces the sentences that quote a value, a number only as a whole', async () => {
      const { deadLetters, quotations } = platform
      await deadLetters.noteFailures([failure('m1', 'Cannot read "ann" as int64'), failure('m2', 'row 12')])
      await deadLetters.noteFailures([failure('m3', 'row 2 of 3')])
      for (const id of ['m1', 'm2', 'm3']) await deadLetters.write(letter(id))
      const push = { id: 'p', pushId: 'p', doorTime: 1, generation: 1, bodyFingerprint: 'f', answer: null }
      await platform.pushes.begin(push)
      const rejected = (message: string) => ({ index: 0, code: 'invalid_argument', message })
      const answer = {
        push_id: 'p',
        accepted: 1,
        rejected: [rejected('Column "ann"'), rejected('Column "x"')],
      }
      await platform.pushes.finish('p', JSON.stringify(answer))
      const quoted = [
        { text: 'ann', isNumber: false },
        { text: '2', isNumber: true },
      ]
      expect(await quotations.erase(quoted)).toBe(3)
      const reasons = (await deadLetters.find(['m1', 'm2', 'm3'])).map(({ id, reason }) => [id, reason])
      expect(reasons.toSorted()).toEqual([
        ['m1', QUOTATION_ERASED],
        ['m2', 'row 12'],
        ['m3', QUOTATION_ERASED],
      ])
      expect(JSON.parse((await platform.pushes.find('p'))!.answer!)).toEqual({
        ...answer,
        rejected: [rejected(QUOTATION_ERASED), rejected('Column "x"')],
      })
      expect(await quotations.erase(quoted)).toBe(0)
    })

    test('deadLetters.forgetFailures() and forgetFailuresBefore() take notes back', async () => {
      const { deadLetters } = platform
      await deadLetters.noteFailures([
        failure('m1', 'mended'),
        failure('m2', 'old', 1, 3),
        failure('m3', 'young', 1, 4),
      ])
      await deadLetters.forgetFailures(['m1'])
      await deadLetters.forgetFailuresBefore(4)
      for (const id of ['m1', 'm2', 'm3']) await deadLetters.write(letter(id))
      const kept = await deadLetters.list({ limit: 10 })
      expect(kept.map(({ id, attempts }) => [id, attempts])).toEqual([
        ['m3', 1],
        ['m2', 0],
        ['m1', 0],
      ])
    })

    test('deadLetters take more ids at once than a statement takes parameters', async () => {
      const { deadLetters } = platform
      const ids = Array.from({ length: 150 }, (_, at) => `m${at}`)
      await deadLetters.noteFailures(ids.map((id) => failure(id, 'why')))
      for (const id of ['m0', 'm149']) await deadLetters.write(letter(id))
      expect(await deadLetters.find(ids)).toHaveLength(2)
      await deadLetters.markReplayed(ids.slice(100), 7)
      expect(await deadLetters.list({ status: 'replayed', limit: 10 })).toMatchObject([{ id: 'm149' }])
      await deadLetters.forgetFailures(ids)
    })

    test('deadLetters.list() goes newest first through pages, by source and status', async () => {
      const { deadLetters } = platform
      for (const [at, id] of ['a', 'b', 'c', 'd'].entries()) {
        await deadLetters.write(letter(id, { time: at < 2 ? 5 : 6, source: id === 'd' ? 'sales' : 'clicks' }))
      }
      await deadLetters.markReplayed(['b'], 7)
      const ids = async (query: Parameters<typeof deadLetters.list>[0]) =>
        (await deadLetters.list(query)).map(({ id }) => id)
      expect(await ids({ limit: 10 })).toEqual(['d', 'c', 'b', 'a'])
      expect(await ids({ limit: 2 })).toEqual(['d', 'c'])
      expect(await ids({ limit: 2, after: { time: 6, id: 'c' } })).toEqual(['b', 'a'])
      expect(await ids({ limit: 2, after: { time: 5, id: 'b' } })).toEqual(['a'])
      expect(await ids({ limit: 10, source: 'clicks', status: 'kept' })).toEqual(['c', 'a'])
      expect(await ids({ limit: 10, source: 'none' })).toEqual([])
    })
  })
}

function streamOf(bytes: Uint8Array): ReadableStream {
  return new Response(bytes as never).body!
}
