import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Harness, startHarness, until, writeConfig } from '../harness.ts'

const USERS = [1, 2, 3, 4, 5]
const DONE_MS = 180_000
/** What the changed expression multiplies by: no answer can be of both versions. */
const FACTOR = 1_000_000
/** Rounds of a push and three reads after the first answer of the new version. */
const ROUNDS_AFTER = 8
/** What has to have been answered older than it is: definitions to a consumer, definitions and blocks to readers, and no block where one is. */
const OLD_KINDS = ['generation', 'pointer', 'block', 'lacking']

function definitions(value: string) {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 2 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'int64' },
          { name: 'value', type: 'int64' },
        ],
        shards: 2,
      },
    ],
    feature_views: [
      {
        name: 'last_click',
        entity: 'user',
        source: 'clicks',
        features: [{ name: 'value', type: 'int64', sql: 'value' }],
      },
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'sum', function: 'sum', sql: value, windows: ['24h'] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }, { view: 'activity' }] }],
  }
}

let folder: string
let harness: Harness
let pushes = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  const configPath = await writeConfig(folder, 'test/worker/stale/worker.ts')
  harness = await startHarness({ configPath })
  await apply('value')
})
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, force: true })
})

async function apply(value: string): Promise<number> {
  const body = { definitions: definitions(value), allow_breaking: true }
  const { status, json, text } = await harness.call<{ generation: number }>(
    'POST',
    '/v1/definitions/apply',
    body,
  )
  expect(status, text).toBe(200)
  return json.generation
}

async function push(): Promise<void> {
  const at = new Date(Date.now() - 1_000).toISOString()
  const events = USERS.map((user) => ({ at, user, value: 1 }))
  const { status, text } = await harness.call('POST', '/v1/sources/clicks/events', { events })
  expect(status, text).toBe(202)
  pushes++
}

function ask(consistency: 'eventual' | 'strong') {
  const body = { entities: USERS.map((user) => ({ user })), consistency }
  return harness.call<{ rows: [number, number][]; statuses: string[][] }>(
    'POST',
    '/v1/feature-services/ranker/features',
    body,
  )
}

async function read(consistency: 'eventual' | 'strong') {
  const { json, text, headers } = await ask(consistency)
  expect(json.rows, text).toHaveLength(USERS.length)
  expect(new Set(json.statuses.flat())).toEqual(new Set(['present']))
  return { sums: json.rows.map(([, sum]) => sum), generation: Number(headers.get('x-generation')) }
}

/** Whether something of each kind was answered older than it is. */
async function isAllOld(): Promise<boolean> {
  const { json } = await harness.call<Record<string, number>>('GET', '/old-answers')
  return OLD_KINDS.every((kind) => json[kind] !== undefined)
}

/** Makes a dataset to its end; answers its id. */
async function makeDataset(name: string): Promise<string> {
  const at = new Date().toISOString()
  const made = await harness.call<{ id: string }>('POST', '/v1/training-datasets', {
    name,
    feature_service: 'ranker',
    labels: { entities: 'user', at },
  })
  expect(made.status, made.text).toBe(202)
  const { json } = await until(
    () => harness.call<{ status: string }>('GET', `/v1/training-datasets/${made.json.id}`),
    (answer) => answer.json.status === 'succeeded',
    DONE_MS,
  )
  expect(json.status).toBe('succeeded')
  return made.json.id
}

interface Node {
  readonly id: string
  readonly versions?: readonly string[]
}

async function versionsOf(node: string): Promise<readonly string[] | undefined> {
  const { json } = await harness.call<{ nodes: Node[] }>('GET', '/v1/lineage/feature_view/activity')
  return json.nodes.find(({ id }) => id === node)?.versions
}

async function newestGeneration(): Promise<{ readonly generation: number; readonly author: string }> {
  const path = '/v1/generations'
  const { json } = await harness.call<{ generations: { generation: number; author: string }[] }>('GET', path)
  return json.generations[0]!
}

it('a window changes under load, readers and consumers being up to a minute behind: each answer is of one generation (S30, S33)', async () => {
  await push()
  // Of both views: their blocks are put and read apart, and either may be shown before the other.
  await until(
    () => ask('eventual'),
    ({ json }) => json.rows.every(([value, sum]) => value === 1 && sum === 1),
    DONE_MS,
  )
  const before = await makeDataset('before')
  await harness.call('POST', '/behind')
  // Else a quick machine has filled the new version before anybody reads.
  await harness.call('POST', '/hold?steps=.')
  await read('eventual')
  const applied = await apply(`value * ${FACTOR}`)
  expect(await versionsOf('feature_view/activity')).toEqual(['activity@1', 'activity@2'])

  const isNewByGeneration = new Map<number, boolean>()
  const endMs = Date.now() + DONE_MS
  let hasFilled = false
  let isHeld = true
  // Batches of the queue are few on a quick machine: one has to have been computed by a consumer that was behind.
  for (let rounds = 0; rounds < ROUNDS_AFTER || !(await isAllOld()); ) {
    expect(Date.now(), 'it is not served in time').toBeLessThan(endMs)
    await push()
    for (const consistency of ['eventual', 'eventual', 'strong'] as const) {
      const { sums, generation } = await read(consistency)
      const kinds = new Set(sums.map((sum) => sum >= FACTOR))
      expect(kinds.size, `a mix of two versions: ${sums}`).toBe(1)
      const isNew = kinds.has(true)
      // Whoever is behind, and whoever is not, goes on with the old one until the new one is filled.
      if (isHeld) expect(isNew).toBe(false)
      expect(isNewByGeneration.get(generation) ?? isNew, `generation ${generation} answers as two`).toBe(
        isNew,
      )
      isNewByGeneration.set(generation, isNew)
      for (const sum of sums) expect(isNew ? sum / FACTOR : sum).toBeLessThanOrEqual(pushes)
      if (isNew && !hasFilled) expect((await newestGeneration()).author).toBe('filling activity@2')
      hasFilled ||= isNew
    }
    if (isHeld) await harness.call('POST', '/hold')
    isHeld = false
    if (hasFilled) rounds++
  }
  // The new one came by a generation of its own.
  expect(isNewByGeneration.get(applied) ?? false).toBe(false)

  await harness.call('POST', '/settled')
  await until(
    () => read('eventual'),
    ({ sums }) => sums.every((sum) => sum === pushes * FACTOR),
    DONE_MS,
  )
  const after = await makeDataset('after')
  expect(await versionsOf('feature_view/activity')).toEqual(['activity@2'])
  expect(await versionsOf(`training_dataset/${before}`)).toContain('activity@1')
  expect(await versionsOf(`training_dataset/${after}`)).toContain('activity@2')
  const labels = USERS.map((user) => ({ user, event_time: new Date().toISOString() }))
  const joined = await harness.call<{ rows: number[][] }>(
    'POST',
    '/v1/feature-services/ranker/historical-features',
    { labels },
  )
  expect(
    joined.json.rows.map((row) => row.at(-1)),
    joined.text,
  ).toEqual(USERS.map(() => pushes * FACTOR))
})
