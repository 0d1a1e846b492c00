import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const COLUMNS = ['a', 'b', 'c', 'd']
const VALUES = { a: '1', b: 'null', c: '3', d: '4' }

/** One view of four features, read twice: once whole and once in another order. */
const SET: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'rows',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        ...COLUMNS.map((name) => ({ name, type: 'int64' as const })),
      ],
    },
  ],
  feature_views: [
    {
      name: 'four',
      entity: 'user',
      source: 'rows',
      features: COLUMNS.map((name) => ({ name, type: 'int64', sql: name })),
    },
  ],
  feature_services: [
    {
      name: 'both',
      features: [{ view: 'four' }, { view: 'four', features: ['d', 'b', 'a'], prefix: 'again_' }],
    },
  ],
}
const NAMES = [...COLUMNS, 'again_d', 'again_b', 'again_a']

test('any features in any order are the values and statuses of those features (S29)', async () => {
  const platform = memoryPlatform(START)
  await applyClicks(platform, SET)
  await pushEvents(platform, {
    source: 'rows',
    events: [{ at: formatInstant(START), user: 'ann', a: 1, b: null, c: 3, d: 4 }],
  })
  await platform.consume()
  await platform.flush()
  const serve = (features: readonly string[] | undefined) =>
    serveFeatures(platform, 'both', {
      parseRows: (service) => parseEntities(service, [{ user: 'ann' }]),
      features,
      consistency: 'eventual',
    })
  const all = await serve(undefined)
  expect(all.service.features.map(({ name }) => name)).toEqual(NAMES)
  expect(valuesOf(all.rows[0]!)).toEqual(['1', 'null', '3', '4', '4', 'null', '1'])
  const subsets = fc.shuffledSubarray(NAMES, { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(subsets, async (names) => {
      const { service, rows } = await serve(names)
      const expected = names.map((name) => VALUES[name.at(-1) as keyof typeof VALUES])
      expect(service.features.map(({ name }) => name)).toEqual(names)
      expect(valuesOf(rows[0]!)).toEqual(expected)
      expect(statusesOf(rows[0]!)).toEqual(expected.map((value) => (value === 'null' ? 'null' : 'present')))
    }),
  )
})
