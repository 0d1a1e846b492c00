import { encodeKey } from './entity-key.ts'
import { FeatureStoreError, invalid } from './error.ts'
import { LIMITS } from './limits.ts'
import type { Evaluate } from './sql/sql-function.ts'
import { formatInstant, type Instant } from './time.ts'
import { type EpochUnit, parseValue, type Value, type ValueType } from './value.ts'

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

/** What a view makes of a source row, ready to run: the one path of S25. */
export interface ViewTransform {
  readonly name: string
  /** Rows for which it is not true are left out; null takes all. */
  readonly where: Evaluate | null
  readonly keys: readonly Evaluate[]
  readonly keyTypes: readonly ValueType[]
  readonly features: readonly { readonly type: ValueType; readonly evaluate: Evaluate }[]
  /** Set where all it does is take columns as they are. */
  readonly plain: PlainColumns | null
}

/** The columns that a view takes as they are. */
export interface PlainColumns {
  readonly keys: readonly number[]
  readonly features: readonly number[]
}

/** A row of a view before it has a stamp. */
export interface TransformedRow {
  /** Encoded key. */
  readonly key: string
  readonly keyValues: readonly Value[]
  readonly features: readonly Value[]
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

export type OnFailure = 'reject' | 'quarantine' | 'warn'

/** A condition that every row of a source should meet, ready to run. */
export interface Expectation {
  readonly name: string
  readonly onFailure: OnFailure
  readonly evaluate: Evaluate
}

/** An expectation that a row does not meet, and the sentence that says so. */
export interface UnmetExpectation {
  readonly name: string
  readonly reason: string
}

const ALL_MET: readonly UnmetExpectation[] = []

/** The expectations of a kind that a row does not meet, in the order of the definition. Null meets (S26). */
export function unmetExpectations(
  expectations: readonly Expectation[],
  values: readonly Value[],
  onFailure: OnFailure,
): readonly UnmetExpectation[] {
  let unmet: UnmetExpectation[] | undefined
  for (const expectation of expectations) {
    if (expectation.onFailure !== onFailure) continue
    const reason = reasonUnmet(expectation, values)
    if (reason === undefined) continue
    unmet ??= []
    unmet.push({ name: expectation.name, reason })
  }
  return unmet ?? ALL_MET
}

function reasonUnmet({ name, evaluate }: Expectation, values: readonly Value[]): string | undefined {
  try {
    return evaluate(values) === false ? `Expectation "${name}" is not met` : undefined
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return `Expectation "${name}" fails: ${error.message}`
  }
}

/** Adds one row's unmet expectations to the counts of its message or chunk. */
export function countUnmet(counts: Record<string, number>, unmet: readonly UnmetExpectation[]): void {
  for (const { name } of unmet) counts[name] = (counts[name] ?? 0) + 1
}

/** Refuses a row that a view would take but cannot file: one of its join keys is null (S13). */
export function checkViewKeys(view: ViewTransform, values: readonly Value[]): void {
  let isNull: boolean
  try {
    isNull =
      (view.where === null || view.where(values) === true) && view.keys.some((key) => key(values) === null)
  } catch {
    // A row on which an expression fails spoils its own view alone: the consumer puts it in quarantine (S26).
    return
  }
  if (isNull) throw nullKey(view)
}

/** A view's row of a source row; undefined when it is left out. Throws `invalid_argument` where an expression fails. */
export function transformRow(view: ViewTransform, values: readonly Value[]): TransformedRow | undefined {
  if (view.where !== null && view.where(values) !== true) return undefined
  const keyValues = view.keys.map((key) => key(values))
  if (keyValues.includes(null)) throw nullKey(view)
  const key = encodeKey(view.keyTypes, keyValues)
  refuseLongKey(view, key)
  return { key, keyValues, features: view.features.map(({ evaluate }) => evaluate(values)) }
}

/**
 * `transformRow` and `encodeCells` of a row whose values were encoded before, by a view that takes columns as they are: text and
 * value are exact inverses, so nothing needs to be read or written again.
 */
export function transformTexts(
  view: ViewTransform,
  { keys, features }: PlainColumns,
  texts: readonly string[],
): { readonly key: string; readonly cells: string } {
  const parts = keys.map((column) => texts[column]!)
  if (parts.includes('null')) throw nullKey(view)
  const key = parts.join()
  refuseLongKey(view, key)
  return { key, cells: features.map((column) => texts[column]!).join() }
}

function refuseLongKey({ name }: ViewTransform, key: string): void {
  if (key.length <= LIMITS.keyCharsMax) return
  throw invalid(
    `Key of view "${name}": it is ${key.length} characters long, at most ${LIMITS.keyCharsMax} may`,
  )
}

function nullKey({ name }: ViewTransform) {
  return invalid(`Join key of view "${name}": it is null, a value is needed`, { view: name })
}
