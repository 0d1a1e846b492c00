import { expressionFault } from './expression-fault.ts'

/** A word of an expression; `at` and `end` are offsets, from 0 and exclusive. */
export interface Token {
  readonly kind: 'integer' | 'decimal' | 'string' | 'name' | 'quoted' | 'symbol' | 'end'
  /** Names in lower case, strings and quoted names without their quotes, numbers without underscores. */
  readonly text: string
  /** A name as it was written. */
  readonly written: string
  readonly at: number
  readonly end: number
}

const SPACE = /(?:\s+|--[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)+/y
const NUMBER = /(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y
const STRING = /'[^']*(?:''[^']*)*'/y
const NAME = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const QUOTED = /"[^"]+(?:""[^"]*)*"/y
const SYMBOL = /::|\/\/|\*\*|\|\||<>|!=|==|<=|>=|[-+*/%^<>=()[\],]/y

/** Cuts an expression into tokens, the last of kind `end`. Throws `invalid_argument` with the position. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (let at = skip(sql, 0); at < sql.length; ) {
    const token = readToken(sql, at)
    tokens.push(token)
    at = skip(sql, token.end)
  }
  tokens.push({ kind: 'end', text: '', written: '', at: sql.length, end: sql.length })
  return tokens
}

function readToken(sql: string, at: number): Token {
  const number = match(NUMBER, sql, at)
  if (number !== undefined) return numberToken(sql, at, number)
  const string = match(STRING, sql, at)
  if (string !== undefined) {
    if (!string.isWellFormed()) throw expressionFault(at, 'the string holds half a character')
    return token('string', string.slice(1, -1).replaceAll("''", "'"), string, at)
  }
  const name = match(NAME, sql, at)
  if (name !== undefined) return token('name', name.toLowerCase(), name, at)
  const quoted = match(QUOTED, sql, at)
  if (quoted !== undefined) return token('quoted', quoted.slice(1, -1).replaceAll('""', '"'), quoted, at)
  if (sql.startsWith('/*', at)) throw expressionFault(at, 'the comment has no end')
  const symbol = match(SYMBOL, sql, at)
  if (symbol !== undefined) return token('symbol', symbol, symbol, at)
  if (sql[at] === "'") throw expressionFault(at, 'the string has no closing quote')
  if (sql[at] === '"') throw expressionFault(at, 'the quoted name is empty or has no closing quote')
  throw expressionFault(at, `"${String.fromCodePoint(sql.codePointAt(at)!)}" is not part of the language`)
}

function numberToken(sql: string, at: number, number: string): Token {
  const end = at + number.length
  if (/_(?!\d)/.test(number) || match(NAME, sql, end) !== undefined) {
    throw expressionFault(at, `"${number}" and what follows it are not a number`)
  }
  const text = number.replaceAll('_', '')
  return { kind: /^\d+$/.test(text) ? 'integer' : 'decimal', text, written: number, at, end }
}

function token(kind: Token['kind'], text: string, written: string, at: number): Token {
  return { kind, text, written, at, end: at + written.length }
}

/** The offset of the next character that is neither space nor comment. */
function skip(sql: string, at: number): number {
  return at + (match(SPACE, sql, at)?.length ?? 0)
}

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}
