import { expect, test } from 'vitest'
import { DefinitionSet, type DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { planChanges } from '../../src/registry/plan-changes.ts'
import { RATIOS } from '../platform/ratios.ts'

type View = NonNullable<DefinitionSetInput['on_demand_views']>[number]

/** What plan says of changing the first on-demand view. */
function planView(change: Partial<View>, before: DefinitionSetInput = RATIOS) {
  const [view, ...others] = before.on_demand_views!
  return planSets(before, { ...before, on_demand_views: [{ ...view!, ...change }, ...others] })
}

function planSets(before: DefinitionSetInput, after: DefinitionSetInput) {
  const set = DefinitionSet.parse(before)
  const { versions } = planChanges(
    { definitions: DefinitionSet.parse({}), versions: {}, versionsEver: {} },
    set,
  )
  const current = { definitions: set, versions, versionsEver: {} }
  return planChanges(current, DefinitionSet.parse(after)).changes
}

const [RELATIVE] = RATIOS.on_demand_views!
const REWRITTEN = RELATIVE!.features.map((feature, at) => (at === 0 ? { ...feature, sql: '1.0' } : feature))

test('plan marks what services answer otherwise as breaking, and names them (S33)', () => {
  expect(planView({ features: REWRITTEN })).toMatchObject([
    {
      action: 'update',
      object: 'on_demand_view/relative',
      breaking: true,
      consequences: ['feature service "ranker" answers it by the new definition at once, history too'],
    },
  ])
  expect(
    planView({ inputs: [...RELATIVE!.inputs, { name: 'x', type: 'bool', from: 'request' }] }),
  ).toMatchObject([
    { breaking: true },
    {
      object: 'feature_service/ranker',
      impact: 'destructive',
      consequences: ['requests and labels have to bring "x"'],
    },
  ])
})

test('plan marks a description, and a view that no service has, as not breaking (S32)', () => {
  expect(planView({ description: 'ratios' })).toMatchObject([{ breaking: false, consequences: [] }])
  const unused = { ...RATIOS, feature_services: [] }
  expect(planView({ features: REWRITTEN }, unused)).toMatchObject([{ breaking: false, consequences: [] }])
  expect(planSets({ ...RATIOS, on_demand_views: [], feature_services: [] }, unused)).toMatchObject([
    { action: 'create', breaking: false },
    { action: 'create', breaking: false },
  ])
})

test('plan marks the end of an on-demand view as breaking', () => {
  const ended = { ...RATIOS, on_demand_views: [], feature_services: [] }
  expect(planSets(RATIOS, ended)).toContainEqual({
    action: 'delete',
    object: 'on_demand_view/relative',
    details: [],
    breaking: true,
    impact: 'destructive',
    consequences: ['it can no longer be used'],
  })
})

test('plan of the same on-demand views is empty (S32)', () => {
  expect(planSets(RATIOS, RATIOS)).toEqual([])
})
