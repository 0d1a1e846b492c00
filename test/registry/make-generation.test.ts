import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { segmentRecord } from '../../src/definitions/segment-record.ts'
import { pieceHashes, planPacks } from '../../src/definitions/snapshot-index.ts'
import { applyChanges } from '../../src/registry/apply-changes.ts'
import { serveFilled } from '../../src/registry/fill-views.ts'
import { makeGeneration, NEVER_APPLIED } from '../../src/registry/make-generation.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { forgetPublications } from '../../src/registry/publish-generation.ts'
import { rebuildView } from '../../src/registry/rebuild-view.ts'
import { resolveService } from '../../src/registry/resolve-name.ts'
import { publishNewest } from '../../src/registry/store-generation.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { definitionSets } from './definition-sets.ts'

const START = 1_767_225_600_000_000
const HOUR = 3_600_000_000
const ALLOWED = { allowBreaking: true, author: 'test' }

const LOGGED = segmentRecord({ viewId: 's@1', bucket: '0', name: 'one' }, 1, {
  rowCount: 1,
  eventTimeMin: 0,
  eventTimeMax: 0,
  ingestTimeMin: 0,
  ingestTimeMax: 0,
})

/** A store whose sources have rows, or none; jobs are noted and not run. */
function createStore(hasRows: boolean): MemoryPlatform {
  const platform = memoryPlatform(START)
  platform.heldJobs = []
  return hasRows
    ? {
        ...platform,
        offline: { ...platform.offline, list: async () => [{ ...LOGGED, commit: 1, commitMin: 1 }] },
      }
    : platform
}

/** What the newest generation is compiled to by itself, whatever was before it. */
async function compileAlone(platform: MemoryPlatform) {
  const head = (await platform.registry.readHead())!
  return makeGeneration(platform, { head: NEVER_APPLIED, snapshot: undefined }, { head })
}

async function expectAsAlone(platform: MemoryPlatform) {
  const newest = await platform.registry.readGeneration()
  if (newest === 0) return
  const alone = await compileAlone(platform)
  expect(await platform.registry.readSnapshot(newest)).toEqual(alone.snapshot)
  const texts = await platform.registry.readPieces(pieceHashes(alone.snapshot))
  for (const hash of pieceHashes(alone.snapshot)) expect(texts.get(hash)).toBe(alone.texts.get(hash))
}

test('whatever was applied before, a generation is compiled to what it is compiled to alone (S32, S33)', async () => {
  const sets = fc.array(definitionSets, { minLength: 2, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(sets, fc.boolean(), fc.nat(), async (all, hasRows, choice) => {
      const platform = createStore(hasRows)
      for (const set of all) {
        await applyChanges(platform, parseDefinitions(set), ALLOWED)
        await expectAsAlone(platform)
      }
      const { transition, versions } = (await platform.registry.readHead()) ?? NEVER_APPLIED
      const unfilled = Object.keys(transition.unfilled)
      if (unfilled.length > 0) await serveFilled(platform, [unfilled[choice % unfilled.length]!])
      await expectAsAlone(platform)
      const names = Object.keys(versions)
      if (names.length > 0) await rebuildView(platform, names[choice % names.length]!, 'test')
      await expectAsAlone(platform)
    }),
    { numRuns: 60 },
  )
})

const column = (name: string) => ({ name, type: 'float64' as const })
/** Views of a few features, each in a service of its own. */
function viewsOf(count: number, change: Readonly<Record<number, string>> = {}): DefinitionSetInput {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [{ name: 'at', type: 'timestamp' }, { name: 'user', type: 'string' }, column('price')],
        shards: 1,
      },
    ],
    feature_views: Array.from({ length: count }, (_, at) => ({
      name: `view_${at}`,
      entity: 'user',
      source: 'clicks',
      features: [{ ...column('price'), sql: change[at] ?? `price * ${at}` }],
    })),
    feature_services: Array.from({ length: count }, (_, at) => ({
      name: `service_${at}`,
      features: [{ view: `view_${at}` }],
    })),
  }
}

test('an apply that changes one view writes the pieces of that view and of what it is in', async () => {
  const platform = memoryPlatform(START)
  await applyChanges(platform, parseDefinitions(viewsOf(40)), ALLOWED)
  const written: string[] = []
  const packs: string[] = []
  const counted = {
    ...platform,
    registry: {
      ...platform.registry,
      async writePieces(texts: ReadonlyMap<string, string>) {
        written.push(...texts.values())
        return platform.registry.writePieces(texts)
      },
    },
    snapshots: {
      ...platform.snapshots,
      async writePack(hash: string, text: string) {
        packs.push(hash)
        return platform.snapshots.writePack(hash, text)
      },
    },
  }
  await applyChanges(counted, parseDefinitions(viewsOf(40, { 7: 'price + 7' })), ALLOWED)
  // The definition; compiled: the view, its source's list of views, its entity's layout; its service once it has moved.
  expect(written.length).toBeLessThanOrEqual(8)
  expect(written.filter((text) => text.includes('"view_8"'))).toEqual([])
  const { pieces } = (await platform.registry.readSnapshot(await platform.registry.readGeneration()))!
  expect(planPacks(pieces.services)).toHaveLength(8)
  // One of the eight packs of services, and the layouts.
  expect(new Set(packs).size).toBeLessThanOrEqual(4)
})

test('a generation that an apply was cut off before is not in force, and its pieces are forgotten in a day', async () => {
  const platform = memoryPlatform(START)
  await applyChanges(platform, parseDefinitions(viewsOf(2)), ALLOWED)
  const before = await platform.registry.readGeneration()
  const cut = (name: 'writePieces' | 'insert') => ({
    ...platform,
    registry: {
      ...platform.registry,
      async [name](...given: never[]) {
        if (name === 'writePieces') await (platform.registry[name] as (...all: never[]) => unknown)(...given)
        throw new Error('cut off')
      },
    },
  })
  const next = parseDefinitions(viewsOf(3))
  for (const name of ['writePieces', 'insert'] as const)
    await expect(applyChanges(cut(name), next, ALLOWED)).rejects.toThrow('cut off')
  expect(await platform.registry.readGeneration()).toBe(before)
  expect(await platform.snapshots.readPointer()).toBe(before)
  platform.time.now += 23 * HOUR
  await forgetPublications(platform)
  await applyChanges(platform, next, ALLOWED)
  platform.time.now += 25 * HOUR
  expect(await forgetPublications(platform)).not.toContain('forgotten')
  await expectAsAlone(platform)
})

test('an apply cut off anywhere after its generation is in force is published by Cron (S30)', async () => {
  for (const name of ['writePack', 'publish'] as const) {
    const platform = memoryPlatform(START)
    await applyChanges(platform, parseDefinitions(viewsOf(2)), ALLOWED)
    const cut = {
      ...platform,
      snapshots: {
        ...platform.snapshots,
        async [name]() {
          throw new Error('cut off')
        },
      },
    }
    await expect(applyChanges(cut, parseDefinitions(viewsOf(3)), ALLOWED)).rejects.toThrow('cut off')
    const newest = await platform.registry.readGeneration()
    expect(await platform.snapshots.readPointer()).toBeLessThan(newest)
    expect(await publishNewest(platform)).toBe(`generation ${newest} published`)
    expect(await platform.snapshots.readPointer()).toBe(newest)
    expect(await publishNewest(platform)).toBeUndefined()
  }
})

test('KV keeps what a generation of the last hour is served from, and no more', async () => {
  const platform = memoryPlatform(START)
  for (let count = 1; count <= 3; count++) {
    await applyChanges(platform, parseDefinitions(viewsOf(20, { 0: `price + ${count}` })), ALLOWED)
    platform.time.now += HOUR / 2
  }
  const newest = await platform.registry.readGeneration()
  const published = await platform.registry.listPublished()
  platform.time.now += HOUR / 4
  expect(await forgetPublications(platform)).toContain('taken from KV')
  const left = await platform.registry.listPublished()
  expect(left.length).toBeLessThan(published.length)
  expect(await platform.snapshots.read(published.at(-1)!)).toBeUndefined()
  // Every generation that is left has all its packs.
  for (const generation of left) {
    const index = (await platform.snapshots.read(generation))!
    for (const hash of [...index.packs.services, ...index.packs.layouts])
      expect(await platform.snapshots.readPack(hash)).toBeDefined()
  }
  platform.time.now += 2 * HOUR
  await forgetPublications(platform)
  expect(await platform.registry.listPublished()).toEqual([newest])
  expect(await forgetPublications(platform)).toBeUndefined()
})

test('a pack that KV has lost is read from D1 and put again', async () => {
  const platform = memoryPlatform(START)
  await applyChanges(platform, parseDefinitions(viewsOf(2)), ALLOWED)
  const newest = await platform.registry.readGeneration()
  const index = (await platform.snapshots.read(newest))!
  await platform.snapshots.delete(0, index.packs.services)
  platform.memory.served = undefined
  const { service } = await resolveService(platform, 'service_1')
  expect(service.features).toEqual([{ name: 'price', type: 'float64' }])
  expect(await platform.snapshots.readPack(index.packs.services[0]!)).toContain('service_1')
})

test('a service that reads more than is served at once is refused by name', async () => {
  const many = Array.from({ length: 400 }, (_, at) => column(`price_${at}_${'x'.repeat(100)}`))
  const set = viewsOf(9)
  const wide = {
    ...set,
    feature_views: set.feature_views!.map((view) => ({
      ...view,
      features: many.map((feature) => ({ ...feature, sql: 'price' })),
    })),
    feature_services: [
      {
        name: 'wide',
        features: set.feature_views!.map(({ name }) => ({ view: name, prefix: `${name}_` })),
      },
    ],
  }
  await expect(applyChanges(memoryPlatform(START), parseDefinitions(wide), ALLOWED)).rejects.toMatchObject({
    code: 'limit_exceeded',
    message: expect.stringMatching(/^Cannot apply feature service "wide": .* at most 1000000 are served$/),
  })
})
