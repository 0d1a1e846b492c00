import { encodeKey } from './entity-key.ts'
import { FeatureStoreError, invalid } from './error.ts'
import { formatInstant, type Instant } from './time.ts'
import { type EpochUnit, encodeValue, parseValue, type Value, type ValueType } from './value.ts'

/** The checks that every row of a source passes, whichever door it comes through (S4, S13, S34). */
export interface RowChecks {
  readonly name: string
  readonly columns: readonly {
    readonly name: string
    readonly type: ValueType
    readonly required: boolean
    readonly unit: EpochUnit | null
  }[]
  readonly eventTime: number
  readonly createdTime: number | null
}

/** How far ahead of the clock a row's event time may be (S4). */
export const FUTURE_MAX_US = 5 * 60 * 1_000_000

/** What a view takes from a source row: the columns of its keys and features. */
export interface ViewColumns {
  readonly name: string
  readonly keyColumns: readonly number[]
  readonly features: readonly { readonly column: number; readonly type: ValueType }[]
}

/** Reads a JSON object as a row of a source: values in column order. Throws `invalid_argument` naming the column. */
export function parseSourceRow(source: RowChecks, json: unknown): Value[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid('Cannot read row: a JSON object is needed')
  }
  const fields = json as Record<string, unknown>
  let known = 0
  const values = source.columns.map(({ name, type, unit }) => {
    if (!Object.hasOwn(fields, name)) return null
    known++
    try {
      return parseValue(type, fields[name], unit ?? undefined)
    } catch (error) {
      throw invalid(`Column "${name}": ${(error as Error).message}`, { column: name })
    }
  })
  if (known < Object.keys(fields).length) {
    const unknown = Object.keys(fields).find(
      (name) => !source.columns.some((column) => column.name === name),
    )!
    throw invalid(`Column "${unknown}": source "${source.name}" has no such column`, { column: unknown })
  }
  return values
}

/** Refuses a row that misses a value it must have, or that lies too far ahead of the clock. */
export function checkSourceRow(source: RowChecks, values: readonly Value[], now: Instant): void {
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== null) continue
    const column = source.columns[at]!
    const isNeeded = column.required || at === source.eventTime || at === source.createdTime
    if (isNeeded)
      throw invalid(`Column "${column.name}": it is null, a value is needed`, { column: column.name })
  }
  const eventTime = values[source.eventTime] as Instant
  if (eventTime > now + FUTURE_MAX_US) {
    const name = source.columns[source.eventTime]!.name
    throw new FeatureStoreError(
      'invalid_argument',
      `Column "${name}": ${formatInstant(eventTime)} is more than 5 minutes ahead of the clock`,
      { column: name },
    )
  }
}

/** The encoded key under which a view files a source row. Throws `invalid_argument` when a part of it is null. */
export function viewKey(view: ViewColumns, keyTypes: readonly ValueType[], values: readonly Value[]): string {
  const key = view.keyColumns.map((column) => values[column]!)
  if (key.some((value) => value === null)) throw nullKey(view)
  return encodeKey(keyTypes, key)
}

/** A view's features of a source row, as comma-separated JSON texts. The one path of S25. */
export function viewCells(view: ViewColumns, values: readonly Value[]): string {
  let cells = ''
  for (let at = 0; at < view.features.length; at++) {
    const { column, type } = view.features[at]!
    cells += (at === 0 ? '' : ',') + encodeValue(type, values[column]!)
  }
  return cells
}

/**
 * `viewKey` and `viewCells` of a row whose values were encoded before. Text and value are exact inverses, so a column
 * that is taken as it is needs to be neither read nor written again.
 */
export function keyOfTexts(view: ViewColumns, texts: readonly string[]): string {
  const key = view.keyColumns.map((column) => texts[column]!)
  if (key.includes('null')) throw nullKey(view)
  return key.join(',')
}

export function cellsOfTexts(view: ViewColumns, texts: readonly string[]): string {
  let cells = ''
  for (let at = 0; at < view.features.length; at++) {
    cells += (at === 0 ? '' : ',') + texts[view.features[at]!.column]!
  }
  return cells
}

function nullKey({ name }: ViewColumns) {
  return invalid(`Join key of view "${name}": it is null, a value is needed`, { view: name })
}
