import { beforeEach, expect, test } from 'vitest'
import { describeJob } from '../../../src/batch/describe-job.ts'
import { startErasure } from '../../../src/batch/erasure/erasure.ts'
import { startLoads } from '../../../src/batch/start-loads.ts'
import { openParquet, writeParquet } from '../../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../../src/core/time.ts'
import type { DefinitionSetInput } from '../../../src/definitions/definition-set.ts'
import { deleteKeys } from '../../../src/ingest/delete-keys.ts'
import { keepDeadLetters } from '../../../src/ingest/keep-dead-letters.ts'
import { pushEvents } from '../../../src/ingest/push-events.ts'
import { describeDataset } from '../../../src/offline/describe-dataset.ts'
import { startDataset } from '../../../src/offline/start-dataset.ts'
import { applyClicks, CLICKS } from '../../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
/** Letters that stand in no other value, compressed or not. */
const GONE = 'Xq7ZgoneZ7qX'
const [clicks] = CLICKS.sources!
const SET: DefinitionSetInput = {
  ...CLICKS,
  sources: [
    {
      ...clicks!,
      expectations: [{ name: 'cheap', sql: 'price < 100', on_failure: 'quarantine' }],
    },
  ],
  feature_services: [
    ...CLICKS.feature_services!,
    { name: 'buyers', features: [{ view: 'last_click', join_keys: { user: 'buyer' }, prefix: '' }] },
  ],
}

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, SET)
})

async function push(...rows: readonly [user: string, price: number][]): Promise<void> {
  platform.time.now += 1_000_000
  const at = formatInstant(platform.time.now)
  const events = rows.map(([user, price]) => ({ at, made: at, user, item: 1, price }))
  await pushEvents(platform, { source: 'clicks', events })
}

async function erase(...users: string[]) {
  const id = await startErasure(platform, { entity: 'user', keys: users.map((user) => ({ user })) })
  return describeJob(platform, id)
}

async function remains(letters: string): Promise<string[]> {
  const decoder = new TextDecoder('latin1')
  const held = [...platform.objects].filter(([, bytes]) => decoder.decode(bytes).includes(letters))
  const batches = await platform.quarantine.listIds('clicks', { after: '', countMax: 100 })
  const rows = await Promise.all(batches.map((id) => platform.quarantine.read('clicks', id)))
  return [
    ...held.map(([path]) => path),
    ...rows.flatMap((batch) => JSON.stringify(batch).match(letters) ?? []),
  ]
}

test('rows of an erased key leave the quarantine, released batches too; a batch of nothing else goes (S11)', async () => {
  await push([GONE, 100], ['ann', 101])
  await platform.consume()
  await push([GONE, 102])
  await platform.consume()
  const [only, both] = (await platform.quarantine.list({ source: 'clicks', countMax: 10 })).map(
    ({ id }) => id,
  )
  await platform.quarantine.release('clicks', both!, platform.time.now)
  expect((await remains(GONE)).length).toBe(2)
  const { report } = await erase(GONE)
  expect(report!.removed.quarantine).toBe(2)
  expect(await remains(GONE)).toEqual([])
  expect(await platform.quarantine.find('clicks', only!)).toBeUndefined()
  expect((await platform.quarantine.read('clicks', both!))!.rows.length).toBe(1)
  expect(await platform.quarantine.find('clicks', both!)).toMatchObject({ isReleased: true, rowCount: 1 })
})

test('rows and deletions of an erased key leave the dead letters, readable or not (S11)', async () => {
  await push([GONE, 1], ['ann', 2])
  await push([GONE, 3])
  const deletion = { entity: 'user', eventTime: START, views: null }
  await deleteKeys(platform, { ...deletion, keys: [{ user: GONE }, { user: 'ann' }] })
  const bodies = [...platform.queue.splice(0), `unread "${GONE}"`, 'unread "ann"']
  const letters = bodies.map((body) => ({ body, attempts: 11, sentTime: START }))
  await keepDeadLetters(platform, letters)
  expect((await remains(GONE)).length).toBe(4)
  const { report } = await erase(GONE)
  expect(report!.removed.dead_letters).toBe(4)
  expect(await remains(GONE)).toEqual([])
  const kept = await platform.deadLetters.list({ limit: 10 })
  expect(kept.map(({ rows }) => rows).toSorted()).toEqual([1, 1, null])
  expect((await remains('ann')).length).toBe(3)
})

test('sentences that quote an erased key no longer do (S11)', async () => {
  const at = formatInstant(START)
  const events = [{ at, made: at, user: 'ann', item: GONE, price: 1 }]
  const push = { source: 'clicks', events, idempotency: { key: 'k', token: 't' } }
  await pushEvents(platform, push)
  expect((await pushEvents(platform, push)).rejected[0]!.message).toContain(GONE)
  platform.land('clicks', 'bad.parquet', labelFile('user', [GONE]))
  const [load] = await startLoads(platform, 'clicks', { badRowsMax: 0 })
  await platform.loads.update(load!.id, 0, { error: `row 0: Cannot read "${GONE}"` })
  const { report } = await erase(GONE)
  // The load's is told by that of what is left of its file, too.
  expect(report!.removed.quotations).toBe(3)
  expect((await platform.loads.find(load!.id))!.error).not.toContain(GONE)
  // Another body under the key: what is answered is what was kept.
  expect(JSON.stringify(await pushEvents(platform, { ...push, events: [] }))).not.toContain(GONE)
})

function labelFile(column: string, users: readonly string[]): Uint8Array {
  const type = 'timestamp' as const
  return writeParquet([
    { name: column, type: 'string', values: users },
    { name: 'item', type: 'int64', values: users.map(() => 1n) },
    { name: 'event_time', type, values: users.map(() => START) },
  ])
}

test('label rows of an erased key go, under whatever name; so do files of datasets, and no others (S11)', async () => {
  const { files } = platform
  await files.put('labels/both.parquet', labelFile('buyer', [GONE, 'ann']))
  await files.put('labels/only.parquet', labelFile('user', [GONE]))
  await files.put('labels/only.parquet.old', labelFile('user', ['ann']))
  await files.put('labels/other.parquet', labelFile('seller', ['ann']))
  await files.put('labels/broken.parquet', 'no Parquet')
  const spec = { asOf: null, isKnowledgeCutoff: false, hasStatuses: false }
  const made = async (service: string, path: string) => {
    const of = { kind: 'service' as const, name: service }
    return (await startDataset(platform, { ...spec, name: path, of, labels: { kind: 'file', path } })).id
  }
  const held = await made('buyers', 'labels/both.parquet')
  const clean = await made('ranker', 'labels/only.parquet.old')
  await files.put(`training/${clean}/scratch/labels-0`, `0\t"${GONE}"\n`)
  expect((await describeDataset(platform, held)).status).toBe('succeeded')
  const { report } = await erase(GONE)
  expect(report!.removed).toMatchObject({ labels: 2, datasets: 1 })
  expect(report!.notes.filter((text) => text.startsWith('Label file'))).toEqual([
    expect.stringMatching(/^Label file "labels\/broken.parquet" was not rewritten/),
  ])
  expect(await remains(GONE)).toEqual([])
  expect(await files.find('labels/only.parquet')).toBeUndefined()
  const both = await files.find('labels/both.parquet')
  const left = await openParquet(files.open(both!), 'labels')
  expect(await left.readColumn('buyer', 0, 1)).toEqual(['ann'])

  expect(await describeDataset(platform, held)).toMatchObject({ files: [], touched: expect.any(String) })
  const manifest = (await files.find(`training/${held}/manifest.json`))!
  const text = await files.readText(manifest, { offset: 0, length: manifest.bytes })
  expect(JSON.parse(text)).toMatchObject({ id: held, erased: expect.stringMatching(/erased/) })
  expect(await files.find(`training/${held}/part-00000.parquet`)).toBeUndefined()
  expect(await files.find(`training/${clean}/part-00000.parquet`)).toBeDefined()
})

test('an erasure waits for what came before it, and says what it waited for in vain (S11)', async () => {
  platform.backlog = { messageCount: 3, oldestTime: START - 1 }
  const waiting = await erase(GONE)
  expect(waiting).toMatchObject({ status: 'failed', error: expect.stringMatching(/3 messages wait/) })
  platform.backlog = { messageCount: 3, oldestTime: platform.time.now + 1 }
  expect((await erase(GONE)).status).toBe('succeeded')
})
