import { decodeValue, encodeValue } from '../value.ts'
import type { Aggregator } from './aggregator.ts'
import { PART } from './state-text.ts'

interface Moments {
  readonly count: number
  readonly mean: number
  /** Sum of squared distances from the mean. */
  readonly squares: number
}

/** Sample variance; null for fewer than two inputs, NaN where NaN, an infinity or float64's range is met. */
export function createVariance(): Aggregator<Moments> {
  return { ...MOMENTS_STATE, finish: sampleVariance }
}

/** Square root of the sample variance. */
export function createStddev(): Aggregator<Moments> {
  return {
    ...MOMENTS_STATE,
    finish(state) {
      const variance = sampleVariance(state)
      return variance === null ? null : Math.sqrt(variance)
    },
  }
}

const EMPTY: Moments = { count: 0, mean: 0, squares: 0 }

const MOMENTS_STATE: Omit<Aggregator<Moments>, 'finish'> = {
  stateId: 'moments',
  outputType: 'float64',
  create: () => EMPTY,
  update: (state, input) => mergeMoments(state, { count: 1, mean: Number(input), squares: 0 }),
  merge: mergeMoments,
  encode({ count, mean, squares }) {
    if (count === 0) return ''
    return `${count}${PART}${encodeValue('float64', mean)}${PART}${encodeValue('float64', squares)}`
  },
  decode(text) {
    if (text === '') return EMPTY
    const [count, mean, squares] = text.split(PART)
    return {
      count: Number(count),
      mean: decodeValue('float64', mean!) as number,
      squares: decodeValue('float64', squares!) as number,
    }
  },
}

/** Stable, for nothing large is subtracted. Source: Chan, Golub, LeVeque, "Updating Formulae", 1979. */
function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const distance = b.mean - a.mean
  const between = distance * distance * a.count * (b.count / count)
  // Where a step left float64's range, what it leads to may lie within: squared last, no step leaves it then.
  const ranged = Number.isFinite(between) ? between : distance * (a.count * (b.count / count)) * distance
  return {
    count,
    mean: a.mean + distance * (b.count / count),
    squares: a.squares + b.squares + ranged,
  }
}

function sampleVariance({ count, squares }: Moments): number | null {
  if (count < 2) return null
  // Which of Infinity and NaN comes out of an overflow depends on the order: one word for both does not.
  return Number.isFinite(squares) ? squares / (count - 1) : Number.NaN
}
