import { expect, test } from 'vitest'
import { diffGenerations } from '../../src/registry/diff-generations.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { CLICKS } from '../platform/clicks.ts'

const of = (set: unknown) => ({ definitions: parseDefinitions(set) })
const [view, ...others] = CLICKS.feature_views!
const withView = (change: object) => of({ ...CLICKS, feature_views: [{ ...view, ...change }, ...others] })

test('diffGenerations() of the first generation is what it creates, and of the same nothing', () => {
  const diffs = diffGenerations(undefined, of(CLICKS))
  expect(new Set(diffs.map(({ action }) => action))).toEqual(new Set(['create']))
  expect(diffs.map(({ object }) => object)).toContain(`feature_view/${view!.name}`)
  expect(diffGenerations(of(CLICKS), of(CLICKS))).toEqual([])
})

test('diffGenerations() goes down to the field of a part that has a name', () => {
  const [feature, ...more] = view!.features!
  const changed = [{ ...feature, sql: `(${feature!.sql})` }, ...more]
  expect(diffGenerations(of(CLICKS), withView({ features: changed }))).toEqual([
    {
      action: 'update',
      object: `feature_view/${view!.name}`,
      details: [
        {
          field: `features.${feature!.name}.sql`,
          from: JSON.stringify(feature!.sql),
          to: `"(${feature!.sql})"`,
        },
      ],
    },
  ])
})

test('diffGenerations() tells what was added and what is gone by null', () => {
  const [diff] = diffGenerations(of(CLICKS), withView({ ttl: '9d', tags: { team: 'web' } }))
  expect(diff!.details).toContainEqual({ field: 'tags.team', from: null, to: '"web"' })
  const [back] = diffGenerations(withView({ tags: { team: 'web' } }), of(CLICKS))
  expect(back!.details).toEqual([{ field: 'tags.team', from: '"web"', to: null }])
})
