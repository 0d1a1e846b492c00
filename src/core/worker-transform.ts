import { FeatureStoreError, invalid } from './error.ts'
import { LIMITS } from './limits.ts'
import type { NamedType } from './segment.ts'
import { formatInstant } from './time.ts'
import { type TransformedRow, transformRow, type ViewTransform } from './transform.ts'
import { elementType, parseValue, type Value, type ValueType } from './value.ts'

/** A method of a Worker of one's own: what it is given of a row, and what it has to return for it. */
export interface WorkerTransform {
  readonly service: string
  readonly method: string
  readonly given: readonly NamedType[]
  readonly returns: readonly NamedType[]
}

/** Rows that succeed or fail together: those of one message, or a part of a load's chunk. Undefined: not to be sent. */
export interface RowGroup {
  readonly rows: readonly (readonly Value[] | undefined)[]
  /** Roughly how large they are. */
  readonly chars: number
}

/** What the Worker made of a row: its fields, null for a row it leaves out, or why this row alone has failed (S26). */
export type ReturnedRow = readonly Value[] | null | FeatureStoreError

/** The rows of a group, in order, undefined for one that was not sent; or why the call for the group failed. */
export type ReturnedRows = readonly (ReturnedRow | undefined)[] | FeatureStoreError

export interface WorkerCalls {
  /** Throws what the Worker throws, or `unavailable` where it does not answer. */
  readonly call: (worker: WorkerTransform, rows: readonly Fields[]) => Promise<unknown>
  /** Calls that may still be made, by all who share it. */
  readonly budget: { callsLeft: number }
}

type Fields = Readonly<Record<string, unknown>>

export type ViewWithWorker = ViewTransform & { readonly worker: WorkerTransform }

export function hasWorker(
  view: ViewTransform & { readonly worker: WorkerTransform | null },
): view is ViewWithWorker {
  return view.worker !== null
}

/**
 * Takes groups of rows through a view's Worker, many groups a call; rows that the view leaves out or cannot file are not
 * sent. A call that the Worker throws at is made again by halves, so that one group's fault spoils no other; one that is
 * not answered ends it, for the next would wait as long.
 */
export async function callWorker(
  view: ViewWithWorker,
  groups: readonly RowGroup[],
  calls: WorkerCalls,
): Promise<readonly ReturnedRows[]> {
  const sent = groups.map(({ rows, chars }) => {
    const positions: number[] = []
    const given: (readonly Value[])[] = []
    rows.forEach((values, at) => {
      if (values === undefined || !isForWorker(view, values)) return
      positions.push(at)
      given.push(values)
    })
    return { positions, rows: given, chars }
  })
  const returned = await callForGroups(view.worker, sent, calls)
  return returned.map((outcome, at) => {
    if (outcome instanceof FeatureStoreError) return outcome
    const rows = new Array<ReturnedRow | undefined>(groups[at]!.rows.length).fill(undefined)
    sent[at]!.positions.forEach((row, position) => {
      rows[row] = outcome[position]!
    })
    return rows
  })
}

/** `transformRow` of a row and of what the view's Worker made of it; undefined is that of a row that was not sent. */
export function transformReturned(
  view: ViewTransform,
  values: readonly Value[],
  returned: ReturnedRow | undefined,
): TransformedRow | undefined {
  if (returned === undefined) return transformRow(view, values)
  if (returned === null) return undefined
  if (returned instanceof FeatureStoreError) throw returned
  return transformRow(view, [...values, ...returned])
}

function isForWorker({ where, keys }: ViewTransform, values: readonly Value[]): boolean {
  try {
    return (where === null || where(values) === true) && keys.every((key) => key(values) !== null)
  } catch {
    // The view fails on this row before its Worker could see it: `transformRow` will say why.
    return false
  }
}

interface SentGroup {
  readonly rows: readonly (readonly Value[])[]
  readonly chars: number
}

async function callForGroups(
  worker: WorkerTransform,
  groups: readonly SentGroup[],
  { call, budget }: WorkerCalls,
): Promise<(readonly ReturnedRow[] | FeatureStoreError)[]> {
  const outcomes: (readonly ReturnedRow[] | FeatureStoreError)[] = groups.map(({ rows }) =>
    rows.length === 0 ? [] : NOT_CALLED,
  )
  const waiting = planCalls(groups)
  for (let range = waiting.shift(); range !== undefined; range = waiting.shift()) {
    if (budget.callsLeft === 0) break
    budget.callsLeft--
    const { start, end } = range
    const rows = groups.slice(start, end).flatMap((group) => group.rows)
    try {
      const given = rows.map((values) => fieldsOf(worker.given, values))
      const returned = readReturned(worker.returns, await call(worker, given), rows.length)
      let taken = 0
      for (let at = start; at < end; at++) {
        const { length } = groups[at]!.rows
        outcomes[at] = returned.slice(taken, taken + length)
        taken += length
      }
    } catch (error) {
      const fault = asFault(error)
      if (fault.code === 'unavailable') {
        for (const failed of [range, ...waiting]) outcomes.fill(fault, failed.start, failed.end)
        break
      }
      const middle = Math.ceil((start + end) / 2)
      if (middle < end) waiting.unshift({ start, end: middle }, { start: middle, end })
      else outcomes[start] = fault
    }
  }
  return outcomes
}

const NOT_CALLED = new FeatureStoreError(
  'unavailable',
  'The calls that one invocation may make of Workers are used up; the rows come again',
)

/** Positions of groups that go in one call; end exclusive. */
interface CallRange {
  readonly start: number
  readonly end: number
}

function planCalls(groups: readonly SentGroup[]): CallRange[] {
  const ranges: CallRange[] = []
  let [start, rows, chars] = [0, 0, 0]
  const close = (end: number) => {
    if (rows > 0) ranges.push({ start, end })
    start = end
    rows = 0
    chars = 0
  }
  groups.forEach((group, at) => {
    const isFull =
      rows + group.rows.length > LIMITS.transformRowsMax || chars + group.chars > LIMITS.transformCharsMax
    if (isFull) close(at)
    rows += group.rows.length
    chars += group.chars
  })
  close(groups.length)
  return ranges
}

function fieldsOf(given: readonly NamedType[], values: readonly Value[]): Fields {
  return Object.fromEntries(given.map(({ name, type }, at) => [name, giveValue(type, values[at]!)]))
}

/** A value as a Worker sees it: times are RFC 3339 text, all else is what JavaScript has for it. */
function giveValue(type: ValueType, value: Value): unknown {
  if (value === null) return null
  if (type === 'timestamp') return formatInstant(value as number)
  const element = elementType(type)
  return element === undefined ? value : (value as readonly Value[]).map((item) => giveValue(element, item))
}

function readReturned(fields: readonly NamedType[], returned: unknown, rowCount: number): ReturnedRow[] {
  if (!Array.isArray(returned)) throw invalid('It returns no list, one row for each is needed')
  if (returned.length !== rowCount)
    throw invalid(
      `It returns ${returned.length} rows for ${rowCount}, one for each is needed, or null for none`,
    )
  return returned.map((row: unknown) => readRow(fields, row))
}

function readRow(fields: readonly NamedType[], row: unknown): ReturnedRow {
  if (row === null) return null
  if (row instanceof Error) return invalid(row.message)
  if (typeof row !== 'object' || Array.isArray(row)) return invalid('It returns no object for the row')
  try {
    const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name))
    if (unknown !== undefined)
      throw invalid(`Field "${unknown}": the view has no feature of that name without sql`)
    return fields.map(({ name, type }) => {
      const given = Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : null
      try {
        return readField(type, given)
      } catch (error) {
        throw invalid(`Field "${name}": ${(error as Error).message}`)
      }
    })
  } catch (error) {
    return asFault(error)
  }
}

/** As `parseValue`, and what JavaScript has of its own: no number, infinity, bytes. */
function readField(type: ValueType, given: unknown): Value {
  if (given === null || given === undefined) return null
  if (type === 'float64' && typeof given === 'number') return given
  if (type === 'bytes' && given instanceof Uint8Array) return given
  const element = elementType(type)
  if (element !== undefined && Array.isArray(given)) return given.map((item) => readField(element, item))
  return parseValue(type, given)
}

function asFault(error: unknown): FeatureStoreError {
  if (error instanceof FeatureStoreError) return error
  return invalid(error instanceof Error ? error.message : String(error))
}
