import { encodeValue, type Value, type ValueType } from '../value.ts'

/** Stands between the parts of a state. `;` and `|` stand between states (`window/tile-text.ts`). */
export const PART = '~'

/**
 * `encodeValue` for a value inside a state: the three separators occur within strings alone, where JSON lets them be
 * written as escapes. So every level is cut by a plain search and `decodeValue` reads the text as it is.
 */
export function encodeStateValue(type: ValueType, value: Value): string {
  const text = encodeValue(type, value)
  return SEPARATOR.test(text) ? text.replace(SEPARATORS, escapeSeparator) : text
}

const SEPARATOR = /[;|~]/
const SEPARATORS = /[;|~]/g

function escapeSeparator(separator: string): string {
  return `\\u00${separator.charCodeAt(0).toString(16)}`
}
