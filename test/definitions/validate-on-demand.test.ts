import { expect, test } from 'vitest'
import { DefinitionSet, type DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { findProblems } from '../../src/definitions/validate.ts'
import { RATIOS } from '../platform/ratios.ts'

type View = NonNullable<DefinitionSetInput['on_demand_views']>[number]
type Entry = NonNullable<DefinitionSetInput['feature_services']>[number]['features'][number]

const CLICKED: Entry[] = [
  { view: 'last_click', prefix: 'user_' },
  { view: 'last_sale', prefix: 'item_' },
]
const HALF: View = {
  name: 'half',
  inputs: [{ name: 'user_price', type: 'int64' }],
  features: [{ name: 'half', type: 'float64', sql: 'user_price / 2' }],
}
const HALF_AGAIN: View = {
  name: 'half_again',
  inputs: [{ name: 'half', type: 'float64' }],
  features: [{ name: 'quarter', type: 'float64', sql: 'half / 2' }],
}

function problems(views: readonly View[], entries: readonly Entry[] = [...CLICKED, { view: 'half' }]) {
  const services = [{ name: 'ranker', features: [...entries] }]
  return findProblems(DefinitionSet.parse({ ...RATIOS, on_demand_views: views, feature_services: services }))
}

const asking = (name: string, type: 'int64' | 'string'): View => ({
  ...HALF,
  inputs: [...HALF.inputs, { name, type, from: 'request' }],
})

test('on-demand views that take only what stands in their service have no problems', () => {
  expect(findProblems(DefinitionSet.parse(RATIOS))).toEqual([])
  expect(problems([HALF])).toEqual([])
  expect(problems([HALF], [{ view: 'half' }, ...CLICKED])).toEqual([])
  expect(problems([HALF_AGAIN, HALF], [...CLICKED, { view: 'half' }, { view: 'half_again' }])).toEqual([])
  expect(problems([asking('item', 'int64')])).toEqual([])
})

const FAULTS: readonly (readonly [what: string, found: () => string[], problem: RegExp])[] = [
  [
    'an unknown column, by place and near name',
    () => problems([{ ...HALF, features: [{ name: 'half', type: 'float64', sql: 'user_prise / 2' }] }]),
    /^on-demand view "half": feature "half": .*character 1: .*"user_prise" \(did you mean "user_price"\?\)/,
  ],
  [
    'an expression of another type',
    () => problems([{ ...HALF, features: [{ name: 'half', type: 'string', sql: 'user_price' }] }]),
    /feature "half": .*string is needed/,
  ],
  [
    'an input twice',
    () => problems([{ ...HALF, inputs: [...HALF.inputs, ...HALF.inputs] }]),
    /on-demand view "half": input "user_price" stands twice/,
  ],
  [
    'a feature twice',
    () => problems([{ ...HALF, features: [...HALF.features, ...HALF.features] }]),
    /on-demand view "half": feature "half" stands twice/,
  ],
  ['a view twice', () => problems([HALF, HALF]), /on_demand_view "half" is defined twice/],
  [
    'an unknown view, with the near name of either kind',
    () => problems([HALF], [...CLICKED, { view: 'hafl' }]),
    /there is no view "hafl" \(did you mean "half"\?\)/,
  ],
  [
    'a name that both kinds have',
    () => problems([{ ...HALF, name: 'last_click' }], CLICKED),
    /"last_click" is a feature view and an on-demand view, one of them needs another name/,
  ],
  [
    'an input that the service does not have',
    () => problems([HALF], [{ view: 'last_click', prefix: 'users_' }, { view: 'half' }]),
    /on-demand view "half" needs feature "user_price" \(int64\), which the service does not have \(did you mean "users_price"\?\)/,
  ],
  [
    'an input that is not among the features taken',
    () => problems([HALF_AGAIN], [...CLICKED, { view: 'half_again' }]),
    /on-demand view "half_again" needs feature "half" \(float64\), which the service does not have$/,
  ],
  [
    'an input of another type',
    () => problems([{ ...HALF, inputs: [{ name: 'user_price', type: 'float64' }] }]),
    /on-demand view "half" needs feature "user_price" as float64, it is int64/,
  ],
  [
    'an input that a view behind it gives',
    () => problems([HALF, HALF_AGAIN], [...CLICKED, { view: 'half_again' }, { view: 'half' }]),
    /"half_again" needs feature "half", which no view before it gives/,
  ],
  [
    'an input that it gives itself',
    () =>
      problems([
        {
          ...HALF,
          inputs: [{ name: 'half', type: 'float64' }],
          features: [{ name: 'half', type: 'float64', sql: 'half' }],
        },
      ]),
    /"half" needs feature "half", which no view before it gives/,
  ],
  [
    'a request input that is a join key of another type',
    () => problems([asking('item', 'string')]),
    /"item" is asked for as int64 and as string/,
  ],
  [
    'a request input that two views ask for as two types',
    () =>
      problems(
        [asking('budget', 'int64'), { ...asking('budget', 'string'), name: 'other' }],
        [...CLICKED, { view: 'half' }, { view: 'other', prefix: 'o_' }],
      ),
    /"budget" is asked for as int64 and as string/,
  ],
  [
    'a request input that has the name of a feature',
    () => problems([asking('item_price', 'int64')]),
    /"item_price" is a feature and a field of requests/,
  ],
  [
    "a request input that has the name of a label's time",
    () => problems([asking('event_time', 'string')]),
    /"event_time" is the name of a label's time/,
  ],
  [
    'join keys of an on-demand view',
    () => problems([HALF], [...CLICKED, { view: 'half', join_keys: { user: 'buyer' } }]),
    /"user" is no join key of on-demand view "half", which has none/,
  ],
  [
    'an unknown feature',
    () => problems([HALF], [...CLICKED, { view: 'half', features: ['halve'] }]),
    /on-demand view "half" has no feature "halve" \(did you mean "half"\?\)/,
  ],
  [
    'features of one name',
    () => problems([HALF], [...CLICKED, { view: 'half' }, { view: 'half' }]),
    /two features are named "half"/,
  ],
]

test.each(FAULTS)('findProblems() names %s', (_, found, problem) => {
  expect(found()).toContainEqual(expect.stringMatching(problem))
})
