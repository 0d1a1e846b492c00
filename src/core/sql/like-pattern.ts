import { invalid } from '../error.ts'
import { LIMITS } from '../limits.ts'
import { toLower } from './code-points.ts'

/** What stands between two `%`: code points, with null for each `_`. */
interface Segment {
  readonly points: readonly (number | null)[]
  /** The text itself, if it has no `_`. */
  readonly literal: string | undefined
}

/**
 * Compiles a pattern of `like`, or of `ilike` for `ignoresCase`; `escapeCharacter` is one character or empty. Matching finds
 * each segment at its first place behind the one before, so it never goes back over a `%`: at most text times
 * pattern steps. Throws `invalid_argument` for a pattern that is too long or ends in its escape.
 */
export function compileLike(
  pattern: string,
  escapeCharacter: string,
  ignoresCase: boolean,
): (text: string) => boolean {
  const matches = compileSegments(readSegments(ignoresCase ? toLower(pattern) : pattern, escapeCharacter))
  return ignoresCase ? (text) => matches(toLower(text)) : matches
}

/** What is wrong with a pattern, and its escape if that is known; undefined if nothing. */
export function likeFault(pattern: string, escapeCharacter: unknown): string | undefined {
  if (pattern.length > LIMITS.likePatternCharsMax) {
    return `the pattern has ${pattern.length} characters, ${LIMITS.likePatternCharsMax} are allowed`
  }
  if (typeof escapeCharacter !== 'string') return undefined
  if ([...escapeCharacter].length > 1)
    return `an escape of one character is needed, '${escapeCharacter}' is more`
  return endsInEscape(pattern, escapeCharacter) ? 'the pattern ends in its escape' : undefined
}

function endsInEscape(pattern: string, escapeCharacter: string): boolean {
  const letters = [...pattern]
  let at = 0
  while (at < letters.length) at += letters[at] === escapeCharacter ? 2 : 1
  return at > letters.length
}

function readSegments(pattern: string, escapeCharacter: string): Segment[] {
  const fault = likeFault(pattern, escapeCharacter)
  if (fault !== undefined) throw invalid(`Cannot match '${pattern.slice(0, 64)}': ${fault}`)
  const segments: (number | null)[][] = [[]]
  const letters = [...pattern]
  for (let at = 0; at < letters.length; at++) {
    const last = segments.at(-1)!
    const letter = letters[at]!
    if (letter === escapeCharacter) last.push(letters[++at]!.codePointAt(0)!)
    else if (letter === '%') segments.push([])
    else last.push(letter === '_' ? null : letter.codePointAt(0)!)
  }
  return segments.map((points) => {
    const isLiteral = points.every((point) => point !== null)
    const literal = isLiteral ? points.map((point) => String.fromCodePoint(point)).join('') : undefined
    return { points, literal }
  })
}

function compileSegments(segments: readonly Segment[]): (text: string) => boolean {
  const first = segments[0]!
  if (segments.length === 1) {
    return first.literal === undefined
      ? (text) => endOfMatch(text, 0, first) === text.length
      : (text) => text === first.literal
  }
  const last = segments.at(-1)!
  const middle = segments.slice(1, -1).filter(({ points }) => points.length > 0)
  return (text) => {
    let at = endOfMatch(text, 0, first)
    if (at < 0) return false
    const lastAt = startOfEnd(text, last)
    if (lastAt < at || endOfMatch(text, lastAt, last) < 0) return false
    for (const segment of middle) {
      at = endOfFirstMatch(text, at, segment)
      if (at < 0 || at > lastAt) return false
    }
    return true
  }
}

/** Where a segment that starts at `at` ends, or -1 if it is not there. */
function endOfMatch(text: string, at: number, { points, literal }: Segment): number {
  if (literal !== undefined) return text.startsWith(literal, at) ? at + literal.length : -1
  let end = at
  for (const point of points) {
    const found = text.codePointAt(end)
    if (found === undefined || (point !== null && point !== found)) return -1
    end += found > 0xffff ? 2 : 1
  }
  return end
}

/** Where the first match of a segment at or behind `from` ends, or -1. */
function endOfFirstMatch(text: string, from: number, segment: Segment): number {
  if (segment.literal !== undefined) {
    const start = text.indexOf(segment.literal, from)
    return start < 0 ? -1 : start + segment.literal.length
  }
  for (let at = from; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) {
    const end = endOfMatch(text, at, segment)
    if (end >= 0) return end
  }
  return -1
}

/** Where a segment has to start that ends with the text, or -1 if it is longer. */
function startOfEnd(text: string, { points, literal }: Segment): number {
  if (literal !== undefined) return text.length - literal.length
  let at = text.length
  for (let left = points.length; left > 0; left--) {
    at--
    // A low surrogate: its code point starts one unit earlier.
    if (at > 0 && text.charCodeAt(at) >= 0xdc00 && text.charCodeAt(at) < 0xe000) at--
  }
  return at
}
