import { parseJson } from '../core/json.ts'
import { createFaults, parseNamedFields, refuseUnknownFields } from '../core/parse-fields.ts'
import { elementType, parseValue, type Value, type ValueType } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'

/**
 * Reads the entities of a request: values in the order of the service's inputs. Throws one `invalid_argument` that
 * lists every fault of every row by row and name (S28).
 */
export function parseEntities(
  service: CompiledService,
  entities: readonly Readonly<Record<string, unknown>>[],
): Value[][] {
  const faults = createFaults('entity')
  const rows = entities.map((entity, row) => {
    refuseUnknownFields(service.inputs, entity, row, faults)
    return parseNamedFields(service.inputs, entity, row, faults)
  })
  faults.check()
  return rows
}

/**
 * The same of the one entity that query parameters name. Where they are just the inputs, each of its type, as nearly
 * always, no entity is made of them; it is made to say what is wrong.
 */
export function parseQuery(service: CompiledService, query: ReadonlyMap<string, string>): Value[][] {
  const { inputs } = service
  if (query.size === inputs.length) {
    try {
      const values = inputs.map(({ name, type }) => {
        const text = query.get(name)
        return text === undefined ? null : parseValue(type, queryValue(type, text))
      })
      if (!values.includes(null)) return [values]
    } catch {
      // Read again below, with names.
    }
  }
  return parseEntities(service, [queryToEntity(service, query)])
}

/**
 * The entity that query parameters name. They are text: what they mean follows from the declared type of the input of
 * that name.
 */
function queryToEntity(
  service: CompiledService,
  query: ReadonlyMap<string, string>,
): Record<string, unknown> {
  // Without a prototype every name is like any other.
  const entity: Record<string, unknown> = Object.create(null)
  for (const { name, type } of service.inputs) {
    const text = query.get(name)
    if (text !== undefined) entity[name] = queryValue(type, text)
  }
  for (const [name, text] of query) if (!(name in entity)) entity[name] = text
  return entity
}

const NUMBER = /^-?\d+(\.\d+)?([eE][ +-]?\d+)?$/

/** What a parameter's text means as JSON; the text itself where it cannot be of the type, which is told by name. */
function queryValue(type: ValueType, text: string): unknown {
  if (type === 'bool' && (text === 'true' || text === 'false')) return text === 'true'
  // A "+" in a query means a space; before an offset at a time's end it was one, in a number the sign of its exponent.
  if (type === 'timestamp') return text.replace(/ (?=\d\d:?\d\d$)/, '+')
  if (type === 'float64' && NUMBER.test(text)) {
    const number = Number(text.replace(' ', '+'))
    return Number.isFinite(number) ? number : text
  }
  return elementType(type) === undefined ? text : parseList(text)
}

/** A list travels as its JSON text: `["a",null]`. */
function parseList(text: string): unknown {
  try {
    return parseJson(text, 'list')
  } catch {
    return text
  }
}
