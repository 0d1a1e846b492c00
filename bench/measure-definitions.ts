/**
 * Processor time that a large set of definitions takes: a change of one view applied, a search, an isolate's first search,
 * each against its budget of 100 ms (the baseline). `node bench/measure-definitions.ts [views] [features]` prints these and
 * what else is done with such a set.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createCatalog } from '../src/catalog/catalog.ts'
import { search } from '../src/catalog/search.ts'
import { applyChanges, planApply } from '../src/registry/apply-changes.ts'
import { type Proposal, proposeAgain, readProposal } from '../src/registry/read-proposal.ts'
import { resolveService } from '../src/registry/resolve-name.ts'
import { type MemoryPlatform, memoryPlatform } from '../test/platform/memory-platform.ts'
import type { Comparison } from './comparison.ts'
import type { FirstSearch } from './first-search.ts'
import { manyViews } from './many-views.ts'

const ROUNDS = 5
const BUDGET_MS = 100
const ALLOWED = { allowBreaking: true, author: 'bench' }
const QUERY = { text: 'feature 7', countMax: 20 }

export interface DefinitionCounts {
  readonly viewCount: number
  /** Of each view. */
  readonly featureCount: number
}

/** The rows of `npm run bench`. */
export async function measureDefinitions(counts: DefinitionCounts): Promise<Comparison[]> {
  const { platform, changes } = await openStore(counts)
  const apply = await leastCpuMs(ROUNDS, (round) => applyBody(platform, changes[round]!))
  const applied = (await platform.registry.read())!
  const catalog = createCatalog(applied)
  const later = await leastCpuMs(ROUNDS, () => search(catalog, QUERY))
  const first = await leastFirstSearchMs(JSON.stringify(applied))
  return [
    ['definitions_apply', apply.ms],
    ['definitions_search', later.ms],
    ['definitions_first_search', first],
  ].map(([name, ours]) => ({ name, ours, baseline: BUDGET_MS, unit: 'ms' }) as Comparison)
}

/** A store that a set was applied to, and bodies that change one feature of one view of it. */
async function openStore(counts: DefinitionCounts) {
  const platform = memoryPlatform(1_767_225_600_000_000)
  const first = bodyOf(counts)
  const applied = await leastCpuMs(1, () => applyBody(platform, first))
  const changes = Array.from({ length: ROUNDS }, (_, at) => bodyOf(counts, `amount * ${at + 1.5}`))
  return { platform, first, firstApplyMs: applied.ms, changes }
}

/** The body of a request; one feature of one view is the given one. */
function bodyOf({ viewCount, featureCount }: DefinitionCounts, sql?: string): string {
  const set = manyViews(viewCount, featureCount)
  const views = set.feature_views!.map((view) =>
    view.name !== 'view_10' || sql === undefined
      ? view
      : { ...view, features: view.features!.map((one, at) => (at === 0 ? { ...one, sql } : one)) },
  )
  return JSON.stringify({ definitions: { ...set, feature_views: views } })
}

async function propose(platform: MemoryPlatform, body: string): Promise<Proposal> {
  const check = (json: unknown) => json as { readonly definitions: unknown }
  return (await readProposal(platform, body, check)).proposal!
}

async function applyBody(platform: MemoryPlatform, body: string) {
  return applyChanges(platform, await propose(platform, body), ALLOWED)
}

/** The least processor time of some rounds, those of the compiler and the collector too, and what the last came to. */
async function leastCpuMs<T>(rounds: number, work: (round: number) => T | Promise<T>) {
  let ms = Number.POSITIVE_INFINITY
  let result: T | undefined
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    result = await work(round)
    const { user, system } = process.cpuUsage(start)
    ms = Math.min(ms, (user + system) / 1_000)
  }
  return { ms, result: result! }
}

/** The least of as many isolates: in each, code and definitions are met for the first time. */
async function leastFirstSearchMs(generation: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const workerData: FirstSearch = { generation, text: QUERY.text }
    const isolate = new Worker(join(import.meta.dirname, 'first-search.ts'), { workerData })
    const [ms] = (await once(isolate, 'message')) as [number]
    await isolate.terminate()
    least = Math.min(least, ms)
  }
  return least
}

async function report(counts: DefinitionCounts): Promise<void> {
  const row = (name: string, ms: number) =>
    console.log(`| ${name.padEnd(58)} | ${ms.toFixed(0).padStart(6)} |`)
  const measure = async <T>(name: string, rounds: number, work: (round: number) => T | Promise<T>) => {
    const { ms, result } = await leastCpuMs(rounds, work)
    row(name, ms)
    return result
  }
  const { platform, first, firstApplyMs, changes } = await openStore(counts)
  console.log(
    `${counts.viewCount} views of ${counts.featureCount} features, ${first.length} bytes of definitions\n`,
  )
  console.log(`| ${'what'.padEnd(58)} | CPU ms |\n| --- | --- |`)
  await measure('JSON.parse of the request, for comparison', ROUNDS, () => JSON.parse(first) as unknown)
  row('first apply', firstApplyMs)
  const { generation } = (await platform.registry.readHead())!
  await measure('plan of the same set', ROUNDS, async () =>
    planApply(platform, await propose(platform, first)),
  )
  await measure('plan of a set with one view changed', ROUNDS, async (round) =>
    planApply(platform, await propose(platform, changes[round]!)),
  )
  await measure('apply of a set with one view changed, both generations', ROUNDS, (round) =>
    applyBody(platform, changes[round]!),
  )
  await measure('apply of the first generation again', 1, async () =>
    applyChanges(platform, await proposeAgain(platform, generation), ALLOWED),
  )
  await measure('a service resolved by a cold isolate', ROUNDS, () => {
    platform.memory.served = undefined
    return resolveService(platform, 'service_1')
  })
  const applied = (await platform.registry.read())!
  row("an isolate's first search", await leastFirstSearchMs(JSON.stringify(applied)))
  const catalog = await measure('search of a new catalog, by code that is warm', ROUNDS, () => {
    const made = createCatalog(applied)
    search(made, QUERY)
    return made
  })
  await measure('search', ROUNDS, () => search(catalog, QUERY))
  await measure('search, misspelt', ROUNDS, () => search(catalog, { ...QUERY, text: 'featrue view_10' }))
  console.log(`\n${search(catalog, { text: '', countMax: 1 }).total} things to be found`)
  const index = (await platform.registry.readSnapshot(applied.generation))!
  const sizes = {
    'index of definitions in D1': JSON.stringify(applied.index).length,
    'index of the snapshot in D1': JSON.stringify(index).length,
    'index in KV': JSON.stringify(await platform.snapshots.read(applied.generation)).length,
  }
  for (const [name, length] of Object.entries(sizes)) console.log(`${name}: ${length} characters`)
}

if (import.meta.main) {
  const [viewCount = 1_000, featureCount = 50] = process.argv.slice(2).map(Number)
  await report({ viewCount, featureCount })
}
