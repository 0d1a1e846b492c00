import { expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { parseQuery } from '../../src/online/parse-entities.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

test('parseQuery() reads each text by the type of its input, lists as JSON', async () => {
  const platform = memoryPlatform(START)
  const types = ['float64', 'list<float64>', 'list<string>', 'int64', 'bytes', 'timestamp'] as const
  const inputs = types.map((type, at) => ({ name: `x${at}`, type, from: 'request' as const }))
  await applyClicks(platform, {
    on_demand_views: [{ name: 'first', inputs, features: [{ name: 'y', type: 'float64', sql: 'x0' }] }],
    feature_services: [{ name: 'ranker', features: [{ view: 'first' }] }],
  })
  const { service } = await resolveInNewest(platform, 'ranker')
  const read = (query: Readonly<Record<string, string>>) =>
    parseQuery(
      service,
      new Map(
        Object.entries({
          x0: '1',
          x1: '[]',
          x2: '[]',
          x3: '1',
          x4: '',
          x5: '2026-01-01T00:00:00Z',
          ...query,
        }),
      ),
    )[0]!
  expect(read({ x0: '-1.5e 3' })[0]).toBe(-1_500)
  expect(read({ x0: 'Infinity' })[0]).toBe(Number.POSITIVE_INFINITY)
  expect(read({ x1: '[1,null,"NaN"]' })[1]).toEqual([1, null, Number.NaN])
  expect(read({ x2: '["a","1"]' })[2]).toEqual(['a', '1'])
  // As they come out of a query in which "+" was not escaped.
  for (const time of [
    '2026-01-01T01:30:00 01:30',
    '2026-01-01 01:30:00 0130',
    '2026-01-01 00:00:00',
    '2026-01-01 00:00:00Z',
  ])
    expect(read({ x5: time })[5]).toBe(START)
  for (const query of [
    { x0: '1e999' },
    { x0: '0x1' },
    { x0: '' },
    { x1: '1' },
    { x1: '[1' },
    { x2: '[1]' },
  ]) {
    expect(() => read(query)).toThrow(new RegExp(`entity 0: "${Object.keys(query)[0]}": Cannot read `))
  }
  expect(() => read({ x6: '1' })).toThrow('entity 0: "x6": there is no such field')
  expect(() => parseQuery(service, new Map([['x0', '1']]))).toThrow('entity 0: "x1": it is not given')
  const swapped = new Map(['y0', 'x1', 'x2', 'x3', 'x4', 'x5'].map((name) => [name, '1']))
  expect(() => parseQuery(service, swapped)).toThrow('entity 0: "y0": there is no such field')
})
