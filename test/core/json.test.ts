import { expect, test } from 'vitest'
import { parseJson } from '../../src/core/json.ts'

test('parseJson() keeps every digit of an integer wherever it stands (S14)', () => {
  const wide = 2n ** 63n - 1n
  expect(parseJson(`${wide}`, 'text')).toBe(wide)
  expect(parseJson(` \n-${wide}`, 'text')).toBe(-wide)
  expect(parseJson(`{"a":${wide},"b": [1.25,\t${wide},[-${wide}]]}`, 'text')).toEqual({
    a: wide,
    b: [1.25, wide, [-wide]],
  })
})

test('parseJson() leaves floats and digits in strings as they are', () => {
  const text = '{"a":0.12345678901234567,"b":1234567890123456.5,"c":":1234567890123456789","d":1e300}'
  expect(parseJson(text, 'text')).toEqual(JSON.parse(text))
})
