import { nearestName } from '../nearest-name.ts'
import type { ValueType } from '../value.ts'
import { parseTimestampText } from './cast-text.ts'
import { expressionFault } from './expression-fault.ts'
import type { ExpressionSyntax } from './expression-syntax.ts'
import { listOf, typeNames, typeOfName } from './expression-type.ts'
import { INT64_MAX } from './int64.ts'
import { parseInterval } from './interval.ts'
import { peek, type TokenReader, take, takeIf, unexpected } from './token-reader.ts'

/** Reads what is a constant by itself: number, string, true, false, null, time or interval; else takes nothing. */
export function parseLiteral(reader: TokenReader): ExpressionSyntax | undefined {
  const { kind, text, at } = peek(reader)
  switch (kind) {
    case 'integer':
      take(reader)
      if (BigInt(text) > INT64_MAX) {
        throw expressionFault(at, `${text} lies outside int64, ${text}.0 would be a float64`)
      }
      return { kind: 'literal', at, type: 'int64', value: BigInt(text) }
    case 'decimal':
      take(reader)
      return { kind: 'literal', at, type: 'float64', value: Number(text) }
    case 'string':
      take(reader)
      return { kind: 'literal', at, type: 'string', value: text }
    case 'name':
      return parseNamedLiteral(reader, text, at)
    default:
      return undefined
  }
}

function parseNamedLiteral(reader: TokenReader, word: string, at: number): ExpressionSyntax | undefined {
  const following = peek(reader, 1)
  if (word === 'null') {
    take(reader)
    return { kind: 'literal', at, type: 'null', value: null }
  }
  if (word === 'true' || word === 'false') {
    take(reader)
    return { kind: 'literal', at, type: 'bool', value: word === 'true' }
  }
  if (word === 'timestamp' && following.kind === 'string') {
    reader.next += 2
    const value = parseTimestampText(following.text)
    if (value === undefined) {
      throw expressionFault(
        following.at,
        `'${following.text}' is not a time, one such as '2026-01-31 08:30:00' is needed`,
      )
    }
    return { kind: 'literal', at, type: 'timestamp', value }
  }
  const isInterval = word === 'interval' && (following.kind === 'string' || following.kind === 'integer')
  return isInterval ? parseIntervalLiteral(reader, at) : undefined
}

/** `interval '3 days'`, `interval '3' days`, `interval 3 days`. */
function parseIntervalLiteral(reader: TokenReader, at: number): ExpressionSyntax {
  take(reader)
  const count = take(reader)
  const isWhole = /[a-z]/i.test(count.text)
  const text = isWhole ? count.text : `${count.text} ${take(reader).text}`
  const value = parseInterval(text)
  if (value === undefined) {
    throw expressionFault(count.at, `'${text}' is not an interval, one such as '3 days 12 hours' is needed`)
  }
  return { kind: 'literal', at, type: 'interval', value }
}

/** Reads a type after `::` or `as`: `bigint`, `double precision`, `bigint[]`, `list<int64>`. */
export function parseType(reader: TokenReader): ValueType {
  const { at, kind, text } = peek(reader)
  if (kind !== 'name') throw unexpected(reader, 'a type')
  take(reader)
  let name = text
  if (takeIf(reader, 'precision')) name += ' precision'
  if (name === 'list' && takeIf(reader, '<')) {
    name += `<${take(reader).text}>`
    if (!takeIf(reader, '>')) throw unexpected(reader, '">"')
  }
  const type = typeOfName(name)
  if (type === undefined) throw expressionFault(at, `there is no type "${name}"${typeHint(name)}`)
  if (!takeIf(reader, '[', ']')) return type
  const list = listOf(type)
  if (list === undefined) throw expressionFault(at, `there are no lists of ${type}`)
  return list as ValueType
}

function typeHint(name: string): string {
  if (['int', 'integer', 'int4', 'signed'].includes(name)) return ', integers are int64 (bigint)'
  if (['float', 'real', 'float4', 'decimal', 'numeric'].includes(name))
    return ', decimals are float64 (double)'
  const nearest = nearestName(name, typeNames())
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
}
