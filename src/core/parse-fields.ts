import { FeatureStoreError, invalid } from './error.ts'
import { nearestName } from './nearest-name.ts'
import type { NamedType } from './segment.ts'
import { parseValue, type Value } from './value.ts'

export interface FieldFault {
  readonly row: number
  readonly name: string
  readonly message: string
}

const FAULTS_MAX = 100

/** Collects faults of many rows so that one answer names them all (S28, S24). */
export function createFaults(what: string) {
  const faults: FieldFault[] = []
  return {
    add(row: number, name: string, message: string): void {
      faults.push({ row, name, message })
    },
    /** Throws `invalid_argument` if any fault was added. */
    check(): void {
      const first = faults[0]
      if (first === undefined) return
      const more = faults.length > 1 ? ` (and ${faults.length - 1} more in details.faults)` : ''
      throw invalid(`Cannot read ${what} ${first.row}: "${first.name}": ${first.message}${more}`, {
        faults: faults.slice(0, FAULTS_MAX),
        fault_count: faults.length,
      })
    },
  }
}

export type Faults = ReturnType<typeof createFaults>

/**
 * Reads the named fields of one JSON row, each needed and typed; null is refused. Faults are added, and null stands
 * in for what could not be read. Fields not named are left to the caller.
 */
export function parseNamedFields(
  fields: readonly NamedType[],
  json: Readonly<Record<string, unknown>>,
  row: number,
  faults: Faults,
): Value[] {
  return fields.map(({ name, type }) => {
    const given = Object.hasOwn(json, name) ? json[name] : undefined
    if (given === undefined) faults.add(row, name, 'it is not given, a value is needed')
    else if (given === null) faults.add(row, name, 'it is null, a value is needed')
    else {
      try {
        return parseValue(type, given)
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error
        faults.add(row, name, error.message)
      }
    }
    return null
  })
}

/** Adds a fault for every field of a row that nobody asked for (S34). */
export function refuseUnknownFields(
  known: readonly NamedType[],
  json: Readonly<Record<string, unknown>>,
  row: number,
  faults: Faults,
): void {
  for (const name of Object.keys(json)) {
    if (known.some((field) => field.name === name)) continue
    const nearest = nearestName(
      name,
      known.map((field) => field.name),
    )
    faults.add(
      row,
      name,
      `there is no such field${nearest === undefined ? '' : `, did you mean "${nearest}"?`}`,
    )
  }
}
