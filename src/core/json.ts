import { invalid } from './error.ts'

/**
 * `JSON.parse` that keeps every digit of an integer (S14): an integer beyond 2^53 comes back as a bigint.
 * Throws `invalid_argument` with the parser's own position. `what` names the text in the message.
 */
export function parseJson(text: string, what: string): unknown {
  try {
    return MAY_HOLD_BIG_INTEGER.test(text) ? JSON.parse(text, keepDigits as never) : JSON.parse(text)
  } catch (error) {
    throw invalid(`Cannot read ${what}: ${(error as Error).message}`)
  }
}

/** A number that begins with 16 digits: those after a point, which most floats have, do not call for the slow reviver. */
const MAY_HOLD_BIG_INTEGER = /(?:^|[[,:])\s*-?\d{16}/
const INTEGER = /^-?\d+$/

/** A reviver of the "JSON.parse source text access" proposal: the third argument carries the digits. */
function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context.source !== undefined && INTEGER.test(context.source) ? BigInt(context.source) : value
}

/** JSON text of a string in ASCII only, so that its length in bytes is its length in characters. */
export function encodeAsciiString(value: string): string {
  return asciiJson(JSON.stringify(value))
}

/** The same JSON in ASCII only. */
export function asciiJson(json: string): string {
  return NON_ASCII.test(json) ? json.replace(NON_ASCII_ALL, escapeUnit) : json
}

const NON_ASCII = /[\u007f-\uffff]/
const NON_ASCII_ALL = /[\u007f-\uffff]/g

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Levels of JSON that has to be compared or fingerprinted: no row or definition comes near, and the stack holds them. */
const DEPTH_MAX = 500

/**
 * JSON with object keys in order, for comparing and for fingerprints. Bigints are written with their digits. Throws
 * `invalid_argument` for what is nested deeper than anything that is taken in.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (depth === DEPTH_MAX) throw invalid(`Cannot read JSON: it is nested deeper than ${DEPTH_MAX} levels`)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  let members = ''
  for (const name of Object.keys(value).sort()) {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    if (member === undefined) continue
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member, depth + 1)}`
  }
  return `{${members}}`
}
