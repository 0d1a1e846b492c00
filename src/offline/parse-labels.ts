import { FeatureStoreError, invalid } from '../core/error.ts'
import { createFaults, parseNamedFields } from '../core/parse-fields.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { encodeValue, parseValue, type ScalarType, type Value, type ValueType } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'

export const LABEL_TIME = 'event_time'

/** Label rows, checked and typed. */
export interface Labels {
  /** All label columns in the order in which they first appear. */
  readonly columns: readonly NamedType[]
  /** JSON texts, row by row, in the order of `columns`. */
  readonly rows: readonly (readonly string[])[]
  readonly times: readonly Instant[]
  /** Values of the service's inputs, row by row. */
  readonly inputs: readonly (readonly Value[])[]
}

/**
 * Reads label rows: the service's inputs and `event_time` are needed and typed; whatever else they carry travels
 * along. Throws one `invalid_argument` naming every fault by row and column (S24).
 */
export function parseLabels(
  service: CompiledService,
  labels: readonly Readonly<Record<string, unknown>>[],
): Labels {
  const needed: NamedType[] = [...service.inputs, { name: LABEL_TIME, type: 'timestamp' }]
  const names = [...new Set(labels.flatMap((label) => Object.keys(label)))]
  for (const name of names) {
    if (service.features.some((feature) => feature.name === name)) {
      throw invalid(`Cannot join labels: column "${name}" has the name of a feature, another name is needed`)
    }
  }
  const faults = createFaults('label')
  const parsed = labels.map((label, row) => parseNamedFields(needed, label, row, faults))
  faults.check()
  const columns = names.map((name) => {
    const type = needed.find((column) => column.name === name)?.type
    return { name, type: type ?? typeOfKinds(name, new Set(labels.map((label) => kindOf(label[name])))) }
  })
  const rows = labels.map((label, row) =>
    columns.map(({ name, type }) => {
      const at = needed.findIndex((column) => column.name === name)
      return encodeValue(type, at >= 0 ? parsed[row]![at]! : passThrough(label[name], type, name, row))
    }),
  )
  return {
    columns,
    rows,
    times: parsed.map((values) => values.at(-1) as Instant),
    inputs: parsed.map((values) => values.slice(0, -1)),
  }
}

/** The narrowest type that holds every value of a column nobody declared, by the kinds of its values. */
export function typeOfKinds(name: string, all: ReadonlySet<string>): ValueType {
  const kinds = new Set([...all].filter((kind) => kind !== 'null'))
  if (kinds.size === 0) return 'string'
  if (kinds.size === 1) return [...kinds][0] as ValueType
  if ([...kinds].every((kind) => kind === 'int64' || kind === 'float64')) return 'float64'
  throw invalid(
    `Cannot read label column "${name}": it holds ${[...kinds].join(' and ')}, one type is needed`,
  )
}

export function kindOf(json: unknown): ScalarType | 'null' | 'object' {
  if (json === null || json === undefined) return 'null'
  if (typeof json === 'boolean') return 'bool'
  if (typeof json === 'bigint') return 'int64'
  if (typeof json === 'number') return Number.isSafeInteger(json) ? 'int64' : 'float64'
  return typeof json === 'string' ? 'string' : 'object'
}

function passThrough(json: unknown, type: ValueType, name: string, row: number): Value {
  try {
    if (kindOf(json) === 'object') throw invalid('lists and objects are not taken along')
    return parseValue(type, json)
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    throw invalid(`Cannot read label ${row}: "${name}": ${error.message}`, { row, name })
  }
}
