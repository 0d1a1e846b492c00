import { encodeValue, type Value, type ValueType } from './value.ts'

/** What a sample of a column looks like. */
export interface ColumnStatistics {
  readonly count: number
  readonly nullCount: number
  /** Of different values; of at most `DISTINCT_MAX`, beyond which it is that. */
  readonly distinctCount: number
  /** Of numbers and times (microseconds); NaN and infinities are left out. Undefined where there is none. */
  readonly numbers?: NumberStatistics
  /** The most frequent values as JSON texts, of other types; the most frequent first. */
  readonly top?: readonly { readonly text: string; readonly count: number }[]
}

export interface NumberStatistics {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly median: number
  /** Bins of equal width from `min` to `max`, the last one inclusive; one bin where all are the same. */
  readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[]
}

const DISTINCT_MAX = 10_000
const TOP_MAX = 10
const BINS = 20

/** Describes the values of a column. Pure; memory is that of the sample. */
export function columnStatistics(type: ValueType, values: readonly Value[]): ColumnStatistics {
  const present = values.filter((value) => value !== null)
  const counts = new Map<string, number>()
  for (const value of present) {
    const text = encodeValue(type, value)
    const count = counts.get(text)
    if (count !== undefined || counts.size < DISTINCT_MAX) counts.set(text, (count ?? 0) + 1)
  }
  const common = {
    count: values.length,
    nullCount: values.length - present.length,
    distinctCount: counts.size,
  }
  if (type === 'int64' || type === 'float64' || type === 'timestamp') {
    const numbers = present.map(Number).filter(Number.isFinite)
    return numbers.length === 0 ? common : { ...common, numbers: numberStatistics(numbers) }
  }
  const top = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, TOP_MAX)
  return { ...common, top: top.map(([text, count]) => ({ text, count })) }
}

function numberStatistics(numbers: number[]): NumberStatistics {
  const sorted = numbers.toSorted((a, b) => a - b)
  const [min, max] = [sorted[0]!, sorted.at(-1)!]
  const middle = (sorted.length - 1) / 2
  // By parts: a sum of large numbers, or their difference, may not fit.
  const mean = sorted.reduce((sum, value) => sum + value / sorted.length, 0)
  const halves = sorted[Math.floor(middle)]! / 2 + sorted[Math.ceil(middle)]! / 2
  // Half of the smallest number there is is none.
  const median = Math.min(Math.max(halves, min), max)
  const width = max / BINS - min / BINS
  if (width === 0) return { min, max, mean, median, bins: [{ from: min, to: max, count: sorted.length }] }
  const counts = new Array<number>(BINS).fill(0)
  for (const value of sorted) counts[Math.min(Math.floor(value / width - min / width), BINS - 1)]!++
  const bins = counts.map((count, at) => ({ from: min + at * width, to: min + (at + 1) * width, count }))
  return { min, max, mean, median, bins }
}
