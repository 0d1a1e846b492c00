import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findItems } from '../../src/core/json-items.ts'

const KINDS = ['views', 'entities'] as const
const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 }))
const document = fc.record({
  before: fc.jsonValue({ maxDepth: 2 }),
  definitions: fc.record({ views: fc.array(object), entities: fc.array(object) }, { requiredKeys: [] }),
  after: fc.constantFrom('"]}', '\\', '{"definitions":{"views":[1]}}', '[{'),
})

test('findItems() finds the objects of each array where JSON.parse() has them, however the text is laid out', () => {
  fc.assert(
    fc.property(document, fc.constantFrom(undefined, 1, '\t'), (content, space) => {
      const text = JSON.stringify(content, null, space)
      const found = findItems(text, 'definitions')!
      for (const kind of KINDS) {
        const items = content.definitions[kind]
        const cut = found.get(kind)?.map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown)
        expect(cut).toEqual(items === undefined ? undefined : JSON.parse(JSON.stringify(items)))
      }
    }),
  )
})

test.each([
  '{"definitions":{"views":[1]}}',
  '{"definitions":{"views":["{}"]}}',
  '{"definitions":{"views":[[{}]]}}',
  '{"definitions":{"views":{}}}',
  '{"definitions":[{}]}',
  '{"definitions":{"views":[],"views":[{}]}}',
  '{"definitions":{},"definitions":{}}',
])('findItems() has nothing to say of %s', (text) => {
  expect(findItems(text, 'definitions')).toBeUndefined()
})

test('findItems() comes to an end on what is no JSON', () => {
  for (const text of ['', '{', '"', '"\\', '{"definitions":{"views":[{', ']]]]', '{"definitions":{"a":[{}]}'])
    expect(() => findItems(text, 'definitions')).not.toThrow()
})
