import { createFaults, parseNamedFields, refuseUnknownFields } from '../core/parse-fields.ts'
import type { Value } from '../core/value.ts'
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

/** Query parameters are text: what they mean follows from the declared type of the input of that name. */
export function queryToEntity(
  service: CompiledService,
  query: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const types = new Map(service.inputs.map(({ name, type }) => [name, type]))
  return Object.fromEntries(
    Object.entries(query).map(([name, text]) => {
      const type = types.get(name)
      if (type === 'bool' && (text === 'true' || text === 'false')) return [name, text === 'true']
      // A "+" in a query means a space; in a time it was an offset.
      if (type === 'timestamp') return [name, text.replace(' ', '+')]
      return [name, text]
    }),
  )
}
