import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import { assert, FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { compareText } from '../core/row.ts'
import { CONDITION, evaluateRows } from '../core/sql/evaluate-rows.ts'
import { transformRow, type ViewTransform } from '../core/transform.ts'
import type { Value, ValueType } from '../core/value.ts'
import { type Vector, vectorOfValues, vectorValue } from '../core/vector.ts'
import type { ReturnedRow } from '../core/worker-transform.ts'
import type { ChunkView, ViewSelection } from './select-rows.ts'

/** The rows of a chunk that passed the checks. */
export interface AcceptedRows {
  /** The source's, of all rows of the chunk. */
  readonly columns: readonly Vector[]
  /** Positions, rising. */
  readonly accepted: Int32Array
  /** By row of the chunk. */
  readonly eventTime: Float64Array
  /** By row of the chunk; undefined where all have the same. */
  readonly createdTime: Float64Array | undefined
}

/** A view's rows of a chunk, sorted by (bucket, key, S6). */
export interface FiledRows {
  /** Positions in the chunk. */
  readonly rows: Int32Array
  /** Neighbours in `rows` that have one key, all of them. */
  readonly runs: readonly KeyRun[]
  /** By row of the chunk. */
  readonly keys: readonly Vector[]
  readonly features: readonly Vector[]
  /** Why the view cannot take a row: the others keep it (S26). */
  readonly reasons: ReadonlyMap<number, string>
}

export interface KeyRun {
  readonly key: string
  readonly bucket: string
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** Takes rows through a view. `returned` is what its Worker made of each accepted row, if it has one. */
export function fileRows(
  { view, transform, bucketBits }: ChunkView,
  { outcomes, keys }: ViewSelection,
  batch: AcceptedRows & { readonly returned: readonly (ReturnedRow | undefined)[] | undefined },
): FiledRows {
  const columns = [...batch.columns, ...returnedColumns(transform, batch)]
  const reasons = new Map<number, string>()
  const explain = (row: number) => reasons.set(row, reasonOf(transform, columns, row))
  const { accepted, returned } = batch
  const keyNulls = keys.flatMap(({ nulls }) => (nulls === undefined ? [] : [nulls]))
  const places = new Int32Array(accepted.length)
  let count = 0
  for (let at = 0; at < accepted.length; at++) {
    const row = accepted[at]!
    const outcome = outcomes[row]
    const answer = returned?.[at]
    if (answer === null || outcome === CONDITION.false || outcome === CONDITION.null) continue
    if (answer instanceof FeatureStoreError) reasons.set(row, answer.message)
    else if (outcome === CONDITION.failed || keyNulls.some((nulls) => nulls[row] !== 0)) explain(row)
    else places[count++] = row
  }
  const taken = places.subarray(0, count)
  const numbered = numberKeys(transform.keyTypes, keys, taken)
  if (numbered.texts.some((key) => key.length > LIMITS.keyCharsMax)) {
    for (const row of taken)
      if (numbered.texts[numbered.numbers[row]!]!.length > LIMITS.keyCharsMax) explain(row)
  }
  const features = view.columns.map(({ type, expression }) => {
    const { vector, failed } = evaluateRows(type, expression, { columns, rows: taken })
    for (const row of failed) if (!reasons.has(row)) explain(row)
    return vector
  })
  const kept = reasons.size === 0 ? taken : taken.filter((row) => !reasons.has(row))
  return { ...sortRows(kept, numbered, { batch, bucketBits }), keys, features, reasons }
}

/** What the view's Worker returned, as columns behind the source's; null in rows that it was not sent. */
function returnedColumns(
  { worker }: ChunkView['transform'],
  {
    columns,
    accepted,
    returned,
  }: AcceptedRows & { readonly returned: readonly (ReturnedRow | undefined)[] | undefined },
): Vector[] {
  if (worker === null || returned === undefined) return []
  return worker.returns.map(({ type }, field) => {
    const values = new Array<Value>(columns[0]!.values.length).fill(null)
    accepted.forEach((row, at) => {
      const answer = returned[at]
      if (Array.isArray(answer)) values[row] = (answer as readonly Value[])[field]!
    })
    return vectorOfValues(type, values)
  })
}

/** A row that fails among others fails alone, and then it says why. */
function reasonOf(transform: ViewTransform, columns: readonly Vector[], row: number): string {
  try {
    transformRow(
      transform,
      columns.map((column) => vectorValue(column, row)),
    )
  } catch (error) {
    if (error instanceof FeatureStoreError) return error.message
    throw error
  }
  assert(false, 'a row on which a view fails in a batch fails alone, too')
}

interface NumberedKeys {
  /** By row of the chunk. */
  readonly numbers: Int32Array
  /** Encoded, by number. */
  readonly texts: readonly string[]
}

/** Encodes each key once, however many rows have it. */
function numberKeys(types: readonly ValueType[], keys: readonly Vector[], rows: Int32Array): NumberedKeys {
  const numbers = new Int32Array(keys[0]!.values.length)
  const texts: string[] = []
  const numberByKey = new Map<Value, number>()
  const textOf = (row: number) =>
    encodeKey(
      types,
      keys.map((key) => vectorValue(key, row)),
    )
  // Bytes are equal by what they hold, which their text says; every other single value is its own mark.
  const markOf = types.length > 1 || types[0] === 'bytes' ? textOf : (row: number) => keys[0]!.values[row]!
  for (const row of rows) {
    const mark = markOf(row)
    let number = numberByKey.get(mark)
    if (number === undefined) {
      number = texts.length
      numberByKey.set(mark, number)
      texts.push(textOf(row))
    }
    numbers[row] = number
  }
  return { numbers, texts }
}

function sortRows(
  rows: Int32Array,
  { numbers, texts }: NumberedKeys,
  { batch, bucketBits }: { readonly batch: AcceptedRows; readonly bucketBits: number },
): Pick<FiledRows, 'rows' | 'runs'> {
  const counts = new Int32Array(texts.length)
  for (const row of rows) counts[numbers[row]!]!++
  const keys = texts
    .map((key, number) => ({ key, number, bucket: topBits(hashKey(key).high, bucketBits) }))
    .filter(({ number }) => counts[number]! > 0)
    .sort((a, b) => a.bucket - b.bucket || compareText(a.key, b.key))
  const runs: KeyRun[] = []
  const places = new Int32Array(texts.length)
  let start = 0
  for (const { key, number, bucket } of keys) {
    places[number] = start
    const end = start + counts[number]!
    runs.push({ key, bucket: bitsText(bucket, bucketBits), start, end })
    start = end
  }
  const sorted = new Int32Array(rows.length)
  for (const row of rows) sorted[places[numbers[row]!]!++] = row
  for (const run of runs) sortRun(sorted.subarray(run.start, run.end), batch)
  return { rows: sorted, runs }
}

/** By S6: of one load, what comes after event and created time is the row's number. Most files are sorted by time already. */
function sortRun(rows: Int32Array, { eventTime, createdTime }: AcceptedRows): void {
  const compare = (a: number, b: number) =>
    eventTime[a]! - eventTime[b]! ||
    (createdTime === undefined ? 0 : createdTime[a]! - createdTime[b]!) ||
    a - b
  for (let at = 1; at < rows.length; at++) {
    if (compare(rows[at - 1]!, rows[at]!) <= 0) continue
    rows.sort(compare)
    return
  }
}
