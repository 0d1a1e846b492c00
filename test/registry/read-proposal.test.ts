import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { applyChanges, planApply } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { type Proposal, readProposal } from '../../src/registry/read-proposal.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { definitionSets } from './definition-sets.ts'

const START = 1_767_225_600_000_000
const ALLOWED = { allowBreaking: true, author: 'test' }

const check = (json: unknown) => json as { readonly definitions?: unknown }

async function propose(platform: MemoryPlatform, set: unknown, space?: number): Promise<Proposal> {
  const text = JSON.stringify({ definitions: set }, null, space)
  return (await readProposal(platform, text, check)).proposal!
}

type Fault = (set: DefinitionSetInput) => unknown

const change = (set: DefinitionSetInput, fields: object) => ({
  ...set,
  feature_views: set.feature_views!.map((view, at) => (at === 0 ? { ...view, ...fields } : view)),
})
/** What may be wrong with a set, or not: a set without views has nothing that some of them change. */
const faults: readonly Fault[] = [
  (set) => set,
  (set) => change(set, { entity: 'f' }),
  (set) => change(set, { source: 'u' }),
  (set) => change(set, { where: 'nothing > 0' }),
  (set) => change(set, { bogus: 1 }),
  (set) => change(set, { name: 'other' }),
  (set) => ({ ...set, feature_views: [...set.feature_views!, ...set.feature_views!] }),
  (set) => ({ ...set, feature_views: set.feature_views!.slice(1) }),
  (set) => ({ ...set, feature_views: [0, ...set.feature_views!] }),
  (set) => ({ ...set, sources: set.sources!.slice(1) }),
  (set) => ({ ...set, sources: set.sources!.map((one) => ({ ...one, schema: one.schema.slice(0, 3) })) }),
  (set) => ({ ...set, entities: [] }),
  (set) => ({ ...set, entities: [{ name: 'e', join_keys: [{ name: 'other', type: 'string' }], shards: 1 }] }),
  (set) => ({ ...set, on_demand_views: [] }),
  (set) => ({ ...set, bogus: [] }),
  () => 7,
]

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    const { message, details } = error as { message: string; details: unknown }
    return { message, details }
  }
}

/** What is in force, but for the texts it was sent as. */
async function readState(platform: MemoryPlatform) {
  const { index, ...head } = (await platform.registry.readHead())!
  const definitions = Object.values(index).map((all) => all.map(({ sent: _, ...one }) => one))
  return { ...head, definitions, snapshot: await platform.registry.readSnapshot(head.generation) }
}

test('what is known by its text is planned, refused and applied as if it had been read again (S32)', async () => {
  await fc.assert(
    fc.asyncProperty(
      definitionSets,
      definitionSets,
      fc.constantFrom(...faults),
      fc.boolean(),
      async (before, after, fault, isSameSet) => {
        const [known, read] = [memoryPlatform(START), memoryPlatform(START)]
        await applyChanges(known, await propose(known, before), ALLOWED)
        await applyChanges(read, parseDefinitions(before), ALLOWED)
        const next = fault(isSameSet ? before : after)
        const plan = async (platform: MemoryPlatform, propose: () => Promise<Proposal> | Proposal) =>
          planApply(platform, await propose())
        const byText = () => propose(known, next)
        expect(await outcome(() => plan(known, byText))).toEqual(
          await outcome(async () => planApply(read, parseDefinitions(next))),
        )
        const applied = await outcome(async () => applyChanges(known, await byText(), ALLOWED))
        expect(applied).toEqual(
          await outcome(async () => applyChanges(read, parseDefinitions(next), ALLOWED)),
        )
        if ((await read.registry.readGeneration()) > 0)
          expect(await readState(known)).toEqual(await readState(read))
      },
    ),
    { numRuns: 100 },
  )
})

test('a definition is known by its text as it was sent and as it is answered, and by no other', async () => {
  const platform = memoryPlatform(START)
  const set = {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], description: 'ü' }],
  }
  await applyChanges(platform, await propose(platform, set), ALLOWED)
  const counted = async (given: unknown, space?: number) => (await propose(platform, given, space)).texts.size
  expect(await counted(set)).toBe(0)
  expect(await counted((await platform.registry.read())!.definitions)).toBe(0)
  expect(await counted(set, 1)).toBe(1)
  expect(await counted({ entities: [{ ...set.entities[0], owner: 'me' }] })).toBe(1)
})

test('a body that is no JSON is refused where it is none', async () => {
  const platform = memoryPlatform(START)
  await applyChanges(platform, await propose(platform, { entities: [] }), ALLOWED)
  await expect(readProposal(platform, '{"definitions":{"entities":[]},}', check)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('position 31'),
  })
})
