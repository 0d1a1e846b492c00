import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { applyChanges, planApply } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'
import { definitionSets } from './definition-sets.ts'

const START = 1_767_225_600_000_000
const ALLOWED = { allowBreaking: true, author: 'test' }

async function appliedPlatform(set: DefinitionSetInput) {
  const platform = memoryPlatform(START)
  await applyChanges(platform, parseDefinitions(set), ALLOWED)
  return platform
}

test('what plan said of two random sets is what apply did, and applying again is empty (S32)', async () => {
  await fc.assert(
    fc.asyncProperty(definitionSets, definitionSets, async (before, after) => {
      const platform = await appliedPlatform(before)
      const next = parseDefinitions(after)
      const planned = await planApply(platform, next)
      const unchanged = await platform.registry.read()
      expect(unchanged?.generation ?? 0).toBe(planned.generation)

      const applied = await applyChanges(platform, next, {
        ...ALLOWED,
        expectedGeneration: planned.generation,
      })
      expect(applied.changes).toEqual(planned.changes)
      expect(applied.warnings).toEqual(planned.warnings)
      // A version that nothing has to be filled into is served by a generation that follows at once.
      const least = planned.generation + (planned.changes.length > 0 ? 1 : 0)
      expect([least, least + 1]).toContain(applied.generation)
      expect((await platform.registry.read())?.generation ?? 0).toBe(applied.generation)

      const again = await applyChanges(platform, next, ALLOWED)
      expect(again).toEqual({ ...applied, changes: [] })
      expect((await planApply(platform, next)).changes).toEqual([])
      expect((await platform.registry.read())?.definitions ?? parseDefinitions({})).toEqual(next)
    }),
    { numRuns: 150 },
  )
})

test('a plan names every view whose version changes, and no other as a new version (S32, S33)', async () => {
  await fc.assert(
    fc.asyncProperty(definitionSets, definitionSets, async (before, after) => {
      const platform = await appliedPlatform(before)
      const was = (await platform.registry.read())?.versions ?? {}
      const { changes } = await applyChanges(platform, parseDefinitions(after), ALLOWED)
      const is = (await platform.registry.read())!.versions
      const moved = Object.keys(is).filter((name) => name in was && was[name]!.version !== is[name]!.version)
      const told = changes.filter(({ impact }) => impact === 'new_version').map(({ object }) => object)
      expect(told.sort()).toEqual(moved.map((name) => `feature_view/${name}`).sort())
    }),
    { numRuns: 100 },
  )
})

test('whatever is applied, going back to the generation before leads to what was in force (S32)', async () => {
  await fc.assert(
    fc.asyncProperty(definitionSets, definitionSets, async (before, after) => {
      const platform = await appliedPlatform(before)
      const first = (await platform.registry.read())?.definitions ?? parseDefinitions({})
      await applyChanges(platform, parseDefinitions(after), ALLOWED)
      await applyChanges(platform, first, ALLOWED)
      expect((await platform.registry.read())?.definitions ?? parseDefinitions({})).toEqual(first)
    }),
    { numRuns: 30 },
  )
})
