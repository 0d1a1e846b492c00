import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Harness, startHarness, until, writeConfig } from '../harness.ts'

const DONE_MS = 180_000
const FEATURES = '/v1/feature-services/ranker/features'
const ASKED = { entities: [{ user: 1 }] }

let folder: string
let harness: Harness

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  const configPath = await writeConfig(folder, 'test/worker/departed/worker.ts')
  await appendFile(configPath, '\n[[services]]\nbinding = "SELF"\nservice = "featheredge"\n')
  harness = await startHarness({ configPath })
  const definitions = {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }] }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'int64' },
          { name: 'value', type: 'int64' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'last_click',
        entity: 'user',
        source: 'clicks',
        features: [{ name: 'value', type: 'int64', sql: 'value' }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }] }],
  }
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions })
  expect(applied.status, applied.text).toBe(200)
  const events = [{ at: new Date(Date.now() - 1_000).toISOString(), user: 1, value: 7 }]
  const pushed = await harness.call('POST', '/v1/sources/clicks/events', { events })
  expect(pushed.status, pushed.text).toBe(202)
  await until(
    () => harness.call<{ rows: number[][] }>('POST', FEATURES, { ...ASKED, consistency: 'strong' }),
    ({ json }) => json.rows[0]![0] === 7,
    DONE_MS,
  )
})
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, force: true })
})

interface Seen {
  /** How often blocks were read from KV. */
  readonly reads: number
  /** How often a request looked whether another's read has ended. */
  readonly looks: number
}

async function readSeen(): Promise<Seen> {
  return (await harness.call<Seen>('GET', '/seen')).json
}

/**
 * One client leaves while its read of a block is held; another, which waits for the block, is answered once it may go on. Answers how
 * many reads there were. The one that leaves is inside: between a client outside and the Worker the harness has a proxy,
 * which goes on when a client leaves.
 */
async function readsOfTwo({ isKept }: { readonly isKept: boolean }): Promise<number> {
  await harness.call('POST', `/hold?kept=${isKept}`)
  const left = await harness.call('POST', `/leave${FEATURES}`, ASKED)
  expect(left.text).toBe('left')
  const second = harness.call<{ rows: number[][] }>('POST', FEATURES, ASKED)
  await until(readSeen, ({ looks }) => looks > 0, DONE_MS)
  await harness.call('POST', '/let-go')
  const { json, text } = await second
  expect(json.rows, text).toEqual([[7]])
  return (await readSeen()).reads
}

it('a read of a block outlives the client that began it, and answers who waits for the block', async () => {
  expect(await readsOfTwo({ isKept: true })).toBe(1)
})

it('a read that is not kept goes with its client: who waits reads the block in the end', async () => {
  expect(await readsOfTwo({ isKept: false })).toBe(2)
})
