// What a large set of definitions costs in processor time: `node bench/measure-definitions.ts [views] [features]`.
import { createCatalog } from '../src/catalog/catalog.ts'
import { search } from '../src/catalog/search.ts'
import { searchIndex } from '../src/catalog/search-items.ts'
import { applyChanges, planApply } from '../src/registry/apply-changes.ts'
import { type Proposal, proposeAgain, readProposal } from '../src/registry/read-proposal.ts'
import { resolveService } from '../src/registry/resolve-name.ts'
import { type MemoryPlatform, memoryPlatform } from '../test/platform/memory-platform.ts'
import { manyViews } from './many-views.ts'

const [viewCount = 1_000, featureCount = 50] = process.argv.slice(2).map(Number)
const ROUNDS = 5
const ALLOWED = { allowBreaking: true, author: 'bench' }

/** The least processor time of some rounds, in milliseconds; `work` is given the round. */
async function measure<T>(name: string, rounds: number, work: (round: number) => T | Promise<T>): Promise<T> {
  let least = Number.POSITIVE_INFINITY
  let result: T | undefined
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    result = await work(round)
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, (user + system) / 1_000)
  }
  console.log(`| ${name.padEnd(58)} | ${least.toFixed(0).padStart(6)} |`)
  return result!
}

/** The body of a request; one feature of one view is the given one. */
function bodyOf(sql?: string): string {
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

const first = bodyOf()
const changes = Array.from({ length: ROUNDS }, (_, at) => bodyOf(`amount * ${at + 1.5}`))
console.log(`${viewCount} views of ${featureCount} features, ${first.length} bytes of definitions\n`)
console.log(`| ${'what'.padEnd(58)} | CPU ms |\n| --- | --- |`)
const platform = memoryPlatform(1_767_225_600_000_000)
await measure('JSON.parse of the request, for comparison', ROUNDS, () => JSON.parse(first) as unknown)
await measure('first apply', 1, async () => applyChanges(platform, await propose(platform, first), ALLOWED))
const { generation } = (await platform.registry.readHead())!
await measure('plan of the same set', ROUNDS, async () => planApply(platform, await propose(platform, first)))
await measure('plan of a set with one view changed', ROUNDS, async (round) =>
  planApply(platform, await propose(platform, changes[round]!)),
)
await measure('apply of a set with one view changed, both generations', ROUNDS, async (round) =>
  applyChanges(platform, await propose(platform, changes[round]!), ALLOWED),
)
await measure('apply of the first generation again', 1, async () =>
  applyChanges(platform, await proposeAgain(platform, generation), ALLOWED),
)
await measure('a service resolved by a cold isolate', ROUNDS, () => {
  platform.memory.served = undefined
  return resolveService(platform, 'service_1')
})
const applied = (await platform.registry.read())!
const catalog = await measure('search, index and all', ROUNDS, () => {
  const made = createCatalog(applied)
  search(made, { text: 'feature 7', countMax: 20 })
  return made
})
await measure('search', ROUNDS, () => search(catalog, { text: 'feature 7', countMax: 20 }))
await measure('search, misspelt', ROUNDS, () => search(catalog, { text: 'featrue view_10', countMax: 20 }))
console.log(`\n${searchIndex(catalog).items.length} things to be found`)
const index = (await platform.registry.readSnapshot(applied.generation))!
const sizes = {
  'index of definitions in D1': JSON.stringify(applied.index).length,
  'index of the snapshot in D1': JSON.stringify(index).length,
  'index in KV': JSON.stringify(await platform.snapshots.read(applied.generation)).length,
}
for (const [name, length] of Object.entries(sizes)) console.log(`${name}: ${length} characters`)
