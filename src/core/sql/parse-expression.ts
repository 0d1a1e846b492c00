import { LIMITS } from '../limits.ts'
import { expressionFault } from './expression-fault.ts'
import type { ExpressionSyntax } from './expression-syntax.ts'
import { INT64_MIN } from './int64.ts'
import { BINDING, INFIX, isChainable, nextBinding } from './operator-binding.ts'
import { parseLiteral, parseType } from './parse-literal.ts'
import {
  expect,
  isNext,
  peek,
  readTokens,
  type TokenReader,
  take,
  takeIf,
  unexpected,
} from './token-reader.ts'

/** Words that are no names; a column of such a name is written in double quotes. */
const KEYWORDS = new Set(
  'and as between case distinct else end escape from ilike in is like not or then when'.split(' '),
)

/** The text of -2^63 without its sign, which by itself lies outside int64. */
const INT64_MIN_DIGITS = (-INT64_MIN).toString()

/** Reads one scalar expression in DuckDB's syntax. Throws `invalid_argument` with the position of the fault. */
export function parseExpression(sql: string): ExpressionSyntax {
  if (sql.length > LIMITS.expressionCharsMax) {
    throw expressionFault(0, `it has ${sql.length} characters, ${LIMITS.expressionCharsMax} are allowed`)
  }
  const reader = readTokens(sql)
  const expression = parseBinding(reader, 0)
  if (peek(reader).kind !== 'end') throw unexpected(reader, 'an operator or the end')
  return expression
}

/** Reads an operand and all operators after it that bind at least as tightly as `bindingMin`. */
function parseBinding(reader: TokenReader, bindingMin: number): ExpressionSyntax {
  if (++reader.depth > LIMITS.expressionDepthMax) {
    throw expressionFault(peek(reader).at, `it is nested deeper than ${LIMITS.expressionDepthMax} levels`)
  }
  let left = parsePrefix(reader)
  // Binding of the operator before, if another of the same binding may not follow it.
  let unchainable: number | undefined
  for (;;) {
    const binding = nextBinding(reader)
    if (binding < bindingMin || binding === 0) break
    if (binding === unchainable) {
      throw expressionFault(
        peek(reader).at,
        `"${peek(reader).text}" needs parentheses after an operator like it`,
      )
    }
    const before = reader.next
    left = parseInfix(reader, left)
    unchainable = isChainable(reader, before) ? undefined : binding
  }
  reader.depth--
  return left
}

function parseInfix(reader: TokenReader, left: ExpressionSyntax): ExpressionSyntax {
  const { at, text } = take(reader)
  const infix = Object.hasOwn(INFIX, text) ? INFIX[text] : undefined
  if (infix !== undefined) {
    return call(reader, at, infix.name, [left, parseBinding(reader, infix.binding + 1)])
  }
  switch (text) {
    case 'is':
      return parseIs(reader, at, left)
    case '[': {
      const index = parseBinding(reader, 0)
      expect(reader, ']')
      return call(reader, at, '[]', [left, index])
    }
    case '::':
      return node(reader, { kind: 'cast', at, type: parseType(reader), isTry: false, argument: left })
    case 'not':
      return call(reader, at, 'not', [parseTest(reader, take(reader).text, at, left)])
    default:
      return parseTest(reader, text, at, left)
  }
}

/** `in`, `like`, `ilike` and `between`, each after an optional `not`. */
function parseTest(reader: TokenReader, word: string, at: number, left: ExpressionSyntax): ExpressionSyntax {
  switch (word) {
    case 'in':
      expect(reader, '(')
      return call(reader, at, 'in', [left, ...parseList(reader, ')')])
    case 'between': {
      const low = parseBinding(reader, BINDING.concat)
      expect(reader, 'and')
      return call(reader, at, 'between', [left, low, parseBinding(reader, BINDING.concat)])
    }
    case 'like':
    case 'ilike': {
      const pattern = parseBinding(reader, BINDING.concat)
      const escaping = takeIf(reader, 'escape') ? [parseBinding(reader, BINDING.concat)] : []
      return call(reader, at, word, [left, pattern, ...escaping])
    }
    default:
      reader.next--
      throw unexpected(reader, '"in", "like", "ilike" or "between"')
  }
}

function parseIs(reader: TokenReader, at: number, left: ExpressionSyntax): ExpressionSyntax {
  const isNot = takeIf(reader, 'not')
  const negate = (test: ExpressionSyntax) => (isNot ? call(reader, at, 'not', [test]) : test)
  if (takeIf(reader, 'distinct', 'from')) {
    const distinct = call(reader, at, 'is distinct from', [left, parseBinding(reader, BINDING.comparison)])
    return negate(distinct)
  }
  for (const word of ['null', 'true', 'false']) {
    if (takeIf(reader, word)) return negate(call(reader, at, `is ${word}`, [left]))
  }
  throw unexpected(reader, '"null", "true", "false" or "distinct from"')
}

function parsePrefix(reader: TokenReader): ExpressionSyntax {
  const { at } = peek(reader)
  if (takeIf(reader, 'not')) return call(reader, at, 'not', [parseBinding(reader, BINDING.not)])
  if (takeIf(reader, '+')) return call(reader, at, '+', [parseBinding(reader, BINDING.sign)])
  if (!takeIf(reader, '-')) return parseOperand(reader)
  const digits = peek(reader)
  const isMinimum = digits.kind === 'integer' && digits.text === INT64_MIN_DIGITS
  if (isMinimum && !['::', '['].includes(peek(reader, 1).text)) {
    take(reader)
    return node(reader, { kind: 'literal', at, type: 'int64', value: INT64_MIN })
  }
  return call(reader, at, '-', [parseBinding(reader, BINDING.sign)])
}

function parseOperand(reader: TokenReader): ExpressionSyntax {
  const literal = parseLiteral(reader)
  if (literal !== undefined) return node(reader, literal)
  const { kind, text, written, at } = peek(reader)
  if (takeIf(reader, '(')) {
    const inner = parseBinding(reader, 0)
    expect(reader, ')')
    return inner
  }
  if (takeIf(reader, '[')) return call(reader, at, 'list_value', parseList(reader, ']'))
  if (takeIf(reader, 'case')) return parseCase(reader, at)
  if (kind === 'quoted') return node(reader, { kind: 'column', at, name: take(reader).text })
  if (kind !== 'name') throw unexpected(reader, 'a value')
  if (KEYWORDS.has(text))
    throw unexpected(reader, `a value (or "${text}" in double quotes, if it is a column)`)
  take(reader)
  if (takeIf(reader, '(')) return parseCall(reader, text, at)
  return node(reader, { kind: 'column', at, name: written })
}

/** What follows the opening parenthesis of a call, with the calls that have a grammar of their own. */
function parseCall(reader: TokenReader, name: string, at: number): ExpressionSyntax {
  switch (name) {
    case 'cast':
    case 'try_cast': {
      const argument = parseBinding(reader, 0)
      expect(reader, 'as')
      const cast = {
        kind: 'cast',
        at,
        type: parseType(reader),
        isTry: name === 'try_cast',
        argument,
      } as const
      expect(reader, ')')
      return node(reader, cast)
    }
    case 'extract': {
      const part = take(reader)
      if (part.kind !== 'name' && part.kind !== 'string') {
        throw expressionFault(part.at, 'a part of a time is needed, such as year')
      }
      expect(reader, 'from')
      const time = parseBinding(reader, 0)
      expect(reader, ')')
      const name = part.text.toLowerCase()
      if (name === 'epoch') return call(reader, at, 'epoch', [time])
      const literal = node(reader, { kind: 'literal', at: part.at, type: 'string', value: name })
      return call(reader, at, 'date_part', [literal, time])
    }
    case 'position': {
      const needle = parseBinding(reader, BINDING.concat)
      expect(reader, 'in')
      const text = parseBinding(reader, 0)
      expect(reader, ')')
      return call(reader, at, 'strpos', [text, needle])
    }
    default:
      return call(reader, at, name, parseList(reader, ')'))
  }
}

/** Both forms of `case`, as nested calls with condition, result and the rest. */
function parseCase(reader: TokenReader, at: number): ExpressionSyntax {
  const subject = isNext(reader, 'when') ? undefined : parseBinding(reader, 0)
  const branches: { at: number; condition: ExpressionSyntax; result: ExpressionSyntax }[] = []
  while (isNext(reader, 'when') || branches.length === 0) {
    const whenAt = peek(reader).at
    expect(reader, 'when')
    const value = parseBinding(reader, 0)
    const condition = subject === undefined ? value : call(reader, value.at, '=', [subject, value])
    expect(reader, 'then')
    branches.push({ at: whenAt, condition, result: parseBinding(reader, 0) })
  }
  const last = takeIf(reader, 'else')
    ? parseBinding(reader, 0)
    : node(reader, { kind: 'literal', at, type: 'null', value: null })
  expect(reader, 'end')
  return branches.reduceRight(
    (rest, { at, condition, result }) => call(reader, at, 'case', [condition, result, rest]),
    last,
  )
}

/** Expressions between commas up to the closing symbol, which is taken. */
function parseList(reader: TokenReader, close: ')' | ']'): ExpressionSyntax[] {
  const items: ExpressionSyntax[] = []
  if (takeIf(reader, close)) return items
  do items.push(parseBinding(reader, 0))
  while (takeIf(reader, ','))
  expect(reader, close)
  return items
}

/** A call; chains of `and` and of `or` become one call with many arguments. */
function call(
  reader: TokenReader,
  at: number,
  name: string,
  operands: readonly ExpressionSyntax[],
): ExpressionSyntax {
  const [first, ...rest] = operands
  const isChain = (name === 'and' || name === 'or') && first?.kind === 'call' && first.name === name
  const all = isChain ? [...first.arguments, ...rest] : operands
  return node(reader, { kind: 'call', at, name, arguments: all })
}

function node(reader: TokenReader, syntax: ExpressionSyntax): ExpressionSyntax {
  if (++reader.nodes > LIMITS.expressionNodesMax) {
    throw expressionFault(syntax.at, `it has more than ${LIMITS.expressionNodesMax} parts`)
  }
  return syntax
}
