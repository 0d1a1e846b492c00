import { invalid } from './error.ts'
import { parseJson } from './json.ts'
import { type EpochUnit, elementType, parseValue, type Value, type ValueType } from './value.ts'

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
}
const DAY = /^\d{4}-\d\d-\d\d$/
/** An offset of whole hours, as PostgreSQL and DuckDB write them. */
const HOUR_OFFSET = /:\d\d(?:\.\d+)?[+-]\d\d$/

/**
 * Reads a field of a CSV file as a value of a declared type: what `parseValue` takes, spelled without JSON's quotes. Lists
 * are JSON arrays. Throws `invalid_argument`.
 */
export function parseCell(type: ValueType, text: string, unit?: EpochUnit): Value {
  switch (type) {
    case 'string':
    case 'bytes':
      return parseValue(type, text)
    case 'bool': {
      const word = text.toLowerCase()
      if (word === 'true' || word === 'false') return word === 'true'
      break
    }
    case 'int64':
      return parseValue(type, text.startsWith('+') ? text.slice(1) : text)
    case 'float64':
      if (NUMBER.test(text)) return parseValue(type, Number(text))
      if (Object.hasOwn(NOT_FINITE, text.toLowerCase())) return NOT_FINITE[text.toLowerCase()]!
      break
    case 'timestamp':
      if (unit !== undefined && NUMBER.test(text)) return parseValue(type, Number(text), unit)
      if (DAY.test(text)) return parseValue(type, `${text}T00:00:00Z`)
      return parseValue(type, HOUR_OFFSET.test(text) ? `${text}:00` : text)
    default: {
      const items = parseJson(text, `field as ${type}`)
      if (!Array.isArray(items))
        throw invalid(`Cannot read "${text.slice(0, 64)}" as ${type}: a JSON array is needed`)
      const element = elementType(type)!
      return items.map((item) => parseValue(element, item, unit))
    }
  }
  throw invalid(`Cannot read "${text.slice(0, 64)}" as ${type}`)
}
