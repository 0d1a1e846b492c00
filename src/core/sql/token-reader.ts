import { expressionFault } from './expression-fault.ts'
import { type Token, tokenize } from './tokenize.ts'

/** A place in the tokens of one expression; `depth` counts the parsers at work above it, `nodes` what they made. */
export interface TokenReader {
  readonly tokens: readonly Token[]
  next: number
  depth: number
  nodes: number
}

export function readTokens(sql: string): TokenReader {
  return { tokens: tokenize(sql), next: 0, depth: 0, nodes: 0 }
}

/** The token that comes next, or the one `ahead` of it; past the end it is the end. */
export function peek(reader: TokenReader, ahead = 0): Token {
  return reader.tokens[Math.min(reader.next + ahead, reader.tokens.length - 1)]!
}

/** Takes the next token, whatever it is. */
export function take(reader: TokenReader): Token {
  const token = peek(reader)
  reader.next++
  return token
}

/** Whether the next tokens are these symbols or words, which are given in lower case. */
export function isNext(reader: TokenReader, ...texts: readonly string[]): boolean {
  return texts.every((text, ahead) => {
    const token = peek(reader, ahead)
    return (token.kind === 'symbol' || token.kind === 'name') && token.text === text
  })
}

/** Takes the next tokens if they are these. */
export function takeIf(reader: TokenReader, ...texts: readonly string[]): boolean {
  if (!isNext(reader, ...texts)) return false
  reader.next += texts.length
  return true
}

/** Takes the next token, which has to be this one. Throws `invalid_argument` with its position. */
export function expect(reader: TokenReader, text: string): void {
  if (!takeIf(reader, text)) throw unexpected(reader, `"${text}"`)
}

/** The fault that another token was needed here. */
export function unexpected(reader: TokenReader, needed: string): Error {
  const token = peek(reader)
  const found = token.kind === 'end' ? 'the expression ends' : `${describe(token)} is not expected`
  return expressionFault(token.at, `${found}, ${needed} is needed`)
}

function describe(token: Token): string {
  const text = token.written.length > 40 ? `${token.written.slice(0, 37)}...` : token.written
  return token.kind === 'string' || token.kind === 'quoted' ? text : `"${text}"`
}
