import { expect, test } from 'vitest'
import { LIMITS } from '../../../src/core/limits.ts'
import type { ExpressionSyntax } from '../../../src/core/sql/expression-syntax.ts'
import { parseExpression } from '../../../src/core/sql/parse-expression.ts'
import { openDuckdb } from '../../oracles/open-duckdb.ts'
import { seededRandom } from './random-rows.ts'
import { refusal } from './refusal.ts'

test('parseExpression() reads literals exactly (S14)', () => {
  expect(literal('9223372036854775807')).toBe(2n ** 63n - 1n)
  expect(literal('-9223372036854775808')).toBe(-(2n ** 63n))
  expect(literal('1_000')).toBe(1000n)
  expect(literal('1e-3')).toBe(0.001)
  expect(literal('.5')).toBe(0.5)
  expect(literal("'it''s -- no comment'")).toBe("it's -- no comment")
  expect(literal("timestamp '1970-01-01 00:00:01.5'")).toBe(1_500_000)
  expect(literal("interval '1 year -2 days 3 h'")).toEqual([12, -2, 10_800_000_000])
  expect(literal('interval 3 weeks')).toEqual([0, 21, 0])
  expect(literal("interval '90' minutes")).toEqual([0, 0, 5_400_000_000])
})

test('parseExpression() gives each node its place', () => {
  const tree = parseExpression('abs(x) -- comment\n + "y z"')
  expect(tree).toMatchObject({ name: '+', at: 19, arguments: [{ at: 0 }, { at: 21, name: 'y z' }] })
})

test.each([
  ['', 1, 'the expression ends, a value is needed'],
  ['1 +', 4, 'the expression ends, a value is needed'],
  ['(1', 3, 'the expression ends, ")" is needed'],
  ['1 2', 3, '"2" is not expected, an operator or the end is needed'],
  ['a < b < c', 7, '"<" needs parentheses'],
  ['a is distinct from b is null', 22, '"is" needs parentheses'],
  ["a like 'x' like 'y'", 12, '"like" needs parentheses'],
  ["'abc", 1, 'the string has no closing quote'],
  ['a + "b', 5, 'has no closing quote'],
  ['a /* b', 3, 'the comment has no end'],
  ['a ; drop', 3, '";" is not part of the language'],
  ['1abc', 1, '"1" and what follows it are not a number'],
  ['9223372036854775808', 1, 'lies outside int64'],
  ['- 9223372036854775809', 3, 'lies outside int64'],
  ["timestamp '2026-02-30'", 11, 'is not a time'],
  ["interval '3 dais'", 10, 'is not an interval'],
  ['interval 3', 10, 'is not an interval'],
  ['x::integer', 4, 'integers are int64'],
  ['x::bigit', 4, 'did you mean "bigint"?'],
  ['x::bytes[]', 4, 'no lists of bytes'],
  ['x not null', 7, '"in", "like", "ilike" or "between" is needed'],
  ['case 1 end', 8, '"when" is needed'],
  ['then', 1, 'in double quotes'],
  ['a is 5', 6, '"null", "true", "false" or "distinct from" is needed'],
])('parseExpression() points at the fault in %s', (sql, position, reason) => {
  const error = refusal(() => parseExpression(sql))
  expect(error).toMatchObject({ code: 'invalid_argument', details: { position } })
  expect(error.message).toContain(`at character ${position}: `)
  expect(error.message).toContain(reason)
})

test('parseExpression() bounds length, nesting and parts (S27)', () => {
  const { expressionCharsMax, expressionDepthMax, expressionNodesMax } = LIMITS
  expect(refusal(() => parseExpression(`1${' '.repeat(expressionCharsMax)}`)).message).toContain(
    '10001 characters',
  )
  expect(refusal(() => parseExpression('('.repeat(expressionCharsMax))).message).toContain('nested deeper')
  expect(refusal(() => parseExpression(`[${'1,'.repeat(expressionNodesMax)}1]`)).message).toContain(
    'more than 2000',
  )
  const deepest = expressionDepthMax - 1
  expect(() => parseExpression(`${'('.repeat(deepest)}1${')'.repeat(deepest)}`)).not.toThrow()
})

test('parseExpression() builds the tree that DuckDB builds, or refuses what DuckDB refuses (S26)', async () => {
  const duckdb = await openDuckdb()
  const random = seededRandom(7)
  // All in one query: asked for one by one, most of the time goes to asking.
  const serialize = async (texts: readonly string[]) => {
    const values = texts.map((sql, at) => `(${at}, 'SELECT ${sql.replaceAll("'", "''")}')`)
    const read = await duckdb.runAndReadAll(
      `SELECT json_serialize_sql(sql) FROM (VALUES ${values}) AS texts (place, sql) ORDER BY place`,
    )
    return read.getRows().map(([row]) => {
      const { error, statements } = JSON.parse(String(row))
      return error ? undefined : JSON.stringify(statements, withoutNegations)
    })
  }
  // DuckDB keeps second names of operators apart.
  const texts = Array.from({ length: 3_000 }, () => randomTokens(random).replaceAll('**', '^'))
  const theirs = await serialize(texts)
  const ours = texts.map(parenthesized)
  const read = ours.filter((text) => text !== undefined)
  const trees = new Map((await serialize(read)).map((tree, at) => [read[at]!, tree]))
  const isSame = (text: string | undefined, tree: string | undefined) =>
    text === undefined ? tree === undefined : tree !== undefined && tree === trees.get(text)
  const failures = texts.flatMap((sql, at) =>
    isSame(ours[at], theirs[at]) ? [] : [`${sql}  ->  ${ours[at]}`],
  )
  expect(failures.slice(0, 20)).toEqual([])
})

function literal(sql: string) {
  const tree = parseExpression(sql)
  return tree.kind === 'literal' ? tree.value : undefined
}

/** DuckDB has operators of their own for some negations, the store has `not`. Places differ in the two texts. */
function withoutNegations(key: string, node: unknown): unknown {
  if (key === 'query_location') return 0
  const { type, children, function_name: name } = (node ?? {}) as Record<string, string | undefined>
  if (type === 'OPERATOR_NOT') return { type, children }
  const not = (change: object) => ({ type: 'OPERATOR_NOT', children: [{ ...(node as object), ...change }] })
  if (type === 'OPERATOR_IS_NOT_NULL') return not({ type: 'OPERATOR_IS_NULL' })
  return name?.startsWith('!~~') ? not({ function_name: name.slice(1) }) : node
}

/** Operands and operators one behind the other, whatever their types. */
function randomTokens(random: () => number): string {
  const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)]!
  const operand = (): string => {
    const prefix = random() < 0.2 ? pick(['not ', '- ', '+ ', 'not not ']) : ''
    if (random() < 0.1) return `${prefix}(${randomTokens(random)})`
    if (random() < 0.1) return `${prefix}case when a then ${operand()} else b end`
    return (
      prefix +
      pick(['a', 'b', '1', "'x'", 'null', 'true', '[a]', 'a[1]', '[a, b][b]', 'abs(a)', 'cast(a as bigint)'])
    )
  }
  const infix = '+ - * / // % ^ ** || = <> != < <= > >= and or'.split(' ')
  const words = ['is distinct from', 'is not distinct from', 'like', 'not like', 'ilike', 'not ilike']
  const postfix = ['is null', 'is not null', 'is true', 'is not false', '::double', 'in (a, b)', 'not in (a)']
  let text = operand()
  for (let length = Math.floor(random() * 5); length > 0; length--) {
    const kind = random()
    if (kind < 0.55) text += ` ${pick(infix)} ${operand()}`.replace(/\|\| (not )+/, '|| ')
    else if (kind < 0.7) text += ` ${pick(words)} ${operand()}`
    else if (kind < 0.8)
      text += ` ${pick(['between', 'not between'])} ${pick(['a', '1 + b'])} and ${operand()}`
    else text += ` ${pick(postfix)}`
  }
  return text
}

/** The text again, with parentheses around everything; undefined for what is refused. */
function parenthesized(sql: string): string | undefined {
  try {
    return write(parseExpression(sql))
  } catch {
    return undefined
  }
}

function write(tree: ExpressionSyntax): string {
  switch (tree.kind) {
    case 'literal':
      return typeof tree.value === 'string' ? `'${tree.value}'` : String(tree.value)
    case 'column':
      return tree.name
    case 'cast':
      return `cast(${write(tree.argument)} as ${tree.type === 'float64' ? 'double' : 'bigint'})`
    case 'call': {
      const [a = '', b = '', c = ''] = tree.arguments.map((each) => `(${write(each)})`)
      switch (tree.name) {
        case 'and':
        case 'or':
          return tree.arguments.map((each) => `(${write(each)})`).join(` ${tree.name} `)
        case 'case':
          return `case when ${a} then ${b} else ${c} end`
        case 'between':
          return `${a} between ${b} and ${c}`
        case 'in':
          return `${a} in (${tree.arguments.slice(1).map(write).join(', ')})`
        case '[]':
          return `${a}[${b}]`
        case 'abs':
          return `abs(${a})`
        case 'list_value':
          return `[${tree.arguments.map(write).join(', ')}]`
        case 'is null':
        case 'is true':
        case 'is false':
          return `${a} ${tree.name}`
        default:
          return tree.arguments.length === 1 ? `${tree.name} ${a}` : `${a} ${tree.name} ${b}`
      }
    }
  }
}
