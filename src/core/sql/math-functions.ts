import { invalid } from '../error.ts'
import { isInt64, overflow } from './int64.ts'
import type { SqlFunction } from './sql-function.ts'

/** Mathematics over float64; an int64 argument is taken as float64 unless it has an overload of its own. */
export const MATH_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['abs'],
    description: 'Magnitude.',
    overloads: [
      { signature: '(int64) -> int64', evaluate: absInt64 },
      { signature: '(float64) -> float64', evaluate: (x: number) => Math.abs(x) },
    ],
  },
  {
    names: ['sign'],
    description: '-1, 0 or 1; 0 for NaN.',
    overloads: [
      { signature: '(int64) -> int64', evaluate: (x: bigint) => (x > 0n ? 1n : x < 0n ? -1n : 0n) },
      { signature: '(float64) -> int64', evaluate: (x: number) => (x > 0 ? 1n : x < 0 ? -1n : 0n) },
    ],
  },
  unary(['ceil', 'ceiling'], 'Next whole number upwards, as float64.', Math.ceil),
  unary(['floor'], 'Next whole number downwards, as float64.', Math.floor),
  {
    names: ['trunc'],
    description: 'Whole part, cut towards zero.',
    overloads: [
      { signature: '(int64) -> int64', evaluate: (x: bigint) => x },
      { signature: '(float64) -> float64', evaluate: (x: number) => Math.trunc(x) },
    ],
  },
  {
    names: ['round'],
    description:
      'Nearest number of so many decimals (0; negative: tens, hundreds, …), halves away from zero.',
    overloads: [
      { signature: '(int64) -> int64', evaluate: (x: bigint) => x },
      { signature: '(float64) -> float64', evaluate: roundHalfAway },
      { signature: '(int64, int64) -> int64', evaluate: roundInt64 },
      { signature: '(float64, int64) -> float64', evaluate: roundFloat64 },
    ],
  },
  unary(['sqrt'], 'Square root; an error below zero.', (x) => {
    if (x < 0) throw invalid(`Cannot take the square root of ${x}: it is negative`)
    return Math.sqrt(x)
  }),
  unary(['cbrt'], 'Cube root.', Math.cbrt),
  unary(['exp'], 'e to that power.', Math.exp),
  unary(['ln'], 'Natural logarithm; an error unless above zero.', (x) => Math.log(positive(x))),
  {
    names: ['log'],
    description: 'Logarithm to base 10, or to the base given first; an error unless above zero.',
    overloads: [
      { signature: '(float64) -> float64', evaluate: (x: number) => Math.log10(positive(x)) },
      { signature: '(float64, float64) -> float64', evaluate: logToBase },
    ],
  },
  unary(['log2'], 'Logarithm to base 2; an error unless above zero.', (x) => Math.log2(positive(x))),
  unary(['log10'], 'Logarithm to base 10; an error unless above zero.', (x) => Math.log10(positive(x))),
  unary(['sin'], 'Sine of radians; an error for infinities.', (x) => Math.sin(finite(x))),
  unary(['cos'], 'Cosine of radians; an error for infinities.', (x) => Math.cos(finite(x))),
  unary(['tan'], 'Tangent of radians; an error for infinities.', (x) => Math.tan(finite(x))),
  unary(['asin'], 'Arc sine in radians; an error outside -1 to 1.', (x) => Math.asin(unit(x))),
  unary(['acos'], 'Arc cosine in radians; an error outside -1 to 1.', (x) => Math.acos(unit(x))),
  unary(['atan'], 'Arc tangent in radians.', Math.atan),
  {
    names: ['atan2'],
    description: 'Angle in radians of the point with that y and x.',
    overloads: [
      { signature: '(float64, float64) -> float64', evaluate: (y: number, x: number) => Math.atan2(y, x) },
    ],
  },
  unary(['radians'], 'Degrees as radians.', (x) => x * (Math.PI / 180)),
  unary(['degrees'], 'Radians as degrees.', (x) => x * (180 / Math.PI)),
  {
    names: ['pi'],
    description: 'The ratio of a circle to its diameter.',
    overloads: [{ signature: '() -> float64', evaluate: () => Math.PI }],
  },
  {
    names: ['isnan'],
    description: 'Whether it is NaN.',
    overloads: [{ signature: '(float64) -> bool', evaluate: (x: number) => Number.isNaN(x) }],
  },
  {
    names: ['isfinite'],
    description: 'Whether it is neither NaN nor infinite.',
    overloads: [{ signature: '(float64) -> bool', evaluate: (x: number) => Number.isFinite(x) }],
  },
  {
    names: ['isinf'],
    description: 'Whether it is an infinity.',
    overloads: [
      { signature: '(float64) -> bool', evaluate: (x: number) => !Number.isFinite(x) && !Number.isNaN(x) },
    ],
  },
]

function unary(names: readonly string[], description: string, evaluate: (x: number) => number): SqlFunction {
  return { names, description, overloads: [{ signature: '(float64) -> float64', evaluate }] }
}

function absInt64(x: bigint): bigint {
  const magnitude = x < 0n ? -x : x
  if (!isInt64(magnitude)) throw overflow(`abs(${x})`)
  return magnitude
}

/** Adding a half would round 0.49999999999999994 up, for the sum is 1. */
function roundHalfAway(x: number): number {
  const whole = Math.trunc(x)
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole
}

function roundFloat64(x: number, decimals: bigint): number {
  const scale = powerOfTen(decimals < 0n ? -decimals : decimals)
  if (decimals < 0n) {
    const rounded = roundHalfAway(x / scale) * scale
    return Number.isFinite(rounded) ? rounded : 0
  }
  const rounded = roundHalfAway(x * scale) / scale
  return Number.isFinite(rounded) ? rounded : x
}

function roundInt64(x: bigint, decimals: bigint): bigint {
  if (decimals >= 0n) return x
  if (decimals <= -19n) return 0n
  const scale = 10n ** -decimals
  const half = x < 0n ? -scale / 2n : scale / 2n
  const rounded = ((x + half) / scale) * scale
  if (!isInt64(rounded)) throw overflow(`round(${x}, ${decimals})`)
  return rounded
}

/** The literal is exact where `10 ** n` may be off by one ulp. */
function powerOfTen(exponent: bigint): number {
  return exponent > 400n ? Number.POSITIVE_INFINITY : Number(`1e${exponent}`)
}

function logToBase(base: number, x: number): number {
  const divisor = Math.log10(positive(base))
  const dividend = Math.log10(positive(x))
  if (divisor === 0) throw invalid('Cannot take a logarithm: its base is 1')
  return dividend / divisor
}

function positive(x: number): number {
  if (x <= 0) throw invalid(`Cannot take the logarithm of ${x}: it is not above zero`)
  return x
}

function finite(x: number): number {
  if (x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY) {
    throw invalid(`Cannot take a trigonometric function of ${x}: it has none`)
  }
  return x
}

function unit(x: number): number {
  if (x < -1 || x > 1) throw invalid(`Cannot take an arc function of ${x}: it lies outside -1 to 1`)
  return x
}
