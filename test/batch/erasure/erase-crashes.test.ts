import { expect, test } from 'vitest'
import { startErasure } from '../../../src/batch/erasure/erasure.ts'
import { formatInstant, parseInstant } from '../../../src/core/time.ts'
import type { DefinitionSetInput } from '../../../src/definitions/definition-set.ts'
import { rawLog } from '../../../src/definitions/raw-log.ts'
import { tombstoneLog } from '../../../src/definitions/segment-record.ts'
import { deleteKeys } from '../../../src/ingest/delete-keys.ts'
import { keepDeadLetters } from '../../../src/ingest/keep-dead-letters.ts'
import { pushEvents } from '../../../src/ingest/push-events.ts'
import { parseEntities } from '../../../src/online/parse-entities.ts'
import { readFeatures } from '../../../src/online/read-features.ts'
import { resolveInNewest } from '../../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../../platform/clicks.ts'
import { valuesOf } from '../../platform/feature-row.ts'
import { guardEffects, type MemoryPlatform, memoryPlatform } from '../../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
/** Letters that stand in no other value, compressed or not. */
const GONE = 'Xq7ZgoneZ7qX'
const SET: DefinitionSetInput = {
  ...CLICKS,
  entities: CLICKS.entities!.map((entity) => ({ ...entity, shards: 1 })),
  sources: [
    {
      ...CLICKS.sources![0]!,
      shards: 1,
      expectations: [{ name: 'cheap', sql: 'price < 100', on_failure: 'quarantine' }],
    },
  ],
}
const PORTS = [
  'offline',
  'jobRecords',
  'loads',
  'fills',
  'quarantine',
  'quotations',
  'deadLetters',
  'files',
  'training',
] as const

/** Effects are counted from when this is given, and that of the number fails after it was done. */
interface Cut {
  at: number | undefined
  names: string[]
}

/** A store that has both keys in writers, in their journals, held, in logs, in quarantine and among dead letters. */
async function createStore(cut: Cut): Promise<MemoryPlatform> {
  const take = (name: string) => {
    if (cut.at === undefined) return
    cut.names.push(name)
    if (cut.names.length === cut.at + 1) throw new Error('cut off')
  }
  const platform = memoryPlatform(START, {
    effect(name, run) {
      const outcome = run()
      take(`writer ${name}`)
      return outcome
    },
  })
  for (const port of PORTS)
    Object.assign(platform[port], {
      ...guardEffects<object>(platform[port], async (name, run) => {
        const outcome = await run()
        if (!/^(find|list|read|open|get)/.test(name)) take(`${port}.${name}`)
        return outcome
      }),
    })
  await applyClicks(platform, SET)
  const push = async (price: number, aheadUs = 0) => {
    platform.time.now += SECOND
    const at = formatInstant(platform.time.now + aheadUs)
    const events = [GONE, 'ann'].map((user) => ({ at, made: at, user, item: 1, price }))
    await pushEvents(platform, { source: 'clicks', events })
  }
  await push(1)
  await deleteKeys(platform, {
    entity: 'user',
    keys: [{ user: GONE }, { user: 'bob' }],
    eventTime: START,
    views: null,
  })
  await push(100)
  await platform.consume()
  platform.time.now += 600 * SECOND
  await platform.flush({ cut: true })
  await push(2)
  await push(3, 200 * SECOND)
  await platform.consume()
  await push(4)
  const letters = [...platform.queue.splice(0), `unread "${GONE}"`, 'unread "ann"']
  await keepDeadLetters(
    platform,
    letters.map((body) => ({ body, attempts: 11, sentTime: START })),
  )
  return platform
}

async function held(platform: MemoryPlatform): Promise<string[]> {
  const decoder = new TextDecoder('latin1')
  const isHeld = (text: string) => text.includes(GONE)
  const batches = await platform.quarantine.listIds('clicks', { after: '', countMax: 100 })
  return [
    ...[...platform.objects].filter(([, bytes]) => isHeld(decoder.decode(bytes))).map(([path]) => path),
    ...[...platform.blocks].filter(([, text]) => isHeld(text)).map(([key]) => key),
    ...platform.writerTexts().filter(isHeld),
    ...(
      await Promise.all(
        batches.map(async (id) => JSON.stringify(await platform.quarantine.read('clicks', id))),
      )
    ).filter(isHeld),
    ...(await platform.jobRecords.list({ countMax: 10 })).map(({ params }) => params).filter(isHeld),
  ]
}

/** What is left of the others. */
async function readOutcome(platform: MemoryPlatform) {
  platform.time.now += 600 * SECOND
  await platform.flush({ cut: true })
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(resolved.service, [{ user: 'ann', item: 1 }])
  const answer = await readFeatures(platform, resolved, { rows, consistency: 'strong' })
  const logs = [rawLog('clicks'), { view: 'last_click', version: 1 }, tombstoneLog('user')]
  const counts = logs.map(async ({ view, version }) => {
    const segments = await platform.offline.list(view, version)
    return segments.reduce((sum, { rowCount }) => sum + rowCount, 0)
  })
  const [batch] = await platform.quarantine.listIds('clicks', { after: '', countMax: 100 })
  return {
    values: valuesOf(answer.rows[0]!),
    logged: await Promise.all(counts),
    quarantined: (await platform.quarantine.read('clicks', batch!))!.rows.length,
    letters: (await platform.deadLetters.list({ limit: 10 })).map(({ rows }) => rows).toSorted(),
    statuses: (await platform.jobRecords.list({ countMax: 10 })).map(({ status }) => status),
  }
}

test('an erasure cut off after any effect, of writers, quarantine and dead letters too, leaves nothing of the key and all of the others (S11)', async () => {
  const erase = (platform: MemoryPlatform) =>
    startErasure(platform, { entity: 'user', keys: [{ user: GONE }] })
  const undisturbed: Cut = { at: undefined, names: [] }
  const whole = await createStore(undisturbed)
  expect((await held(whole)).length).toBeGreaterThan(5)
  undisturbed.at = Number.POSITIVE_INFINITY
  await erase(whole)
  undisturbed.at = undefined
  expect(await held(whole)).toEqual([])
  const wanted = await readOutcome(whole)
  // Of raw rows, rows of the view and tombstones; the row that is ahead is of the last.
  expect(wanted).toMatchObject({ logged: [3, 3, 1], quarantined: 1, statuses: ['succeeded'] })
  const { names } = undisturbed
  for (const place of ['writer', 'quarantine', 'deadLetters', 'offline', 'jobRecords'])
    expect(
      names.some((name) => name.startsWith(place)),
      place,
    ).toBe(true)
  for (let at = 0; at < names.length; at++) {
    const where = `after effect ${at}, ${names[at]}`
    const cut: Cut = { at: undefined, names: [] }
    const platform = await createStore(cut)
    cut.at = at
    await erase(platform).catch((error) => expect(String(error), where).toContain('cut off'))
    cut.at = undefined
    platform.crash()
    const [job] = await platform.jobRecords.listUnfinished()
    if (job !== undefined) await platform.jobs.restart('erase', job.id)
    expect(await held(platform), where).toEqual([])
    expect(await readOutcome(platform), where).toEqual(wanted)
  }
})
