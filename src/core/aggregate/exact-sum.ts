/**
 * A sum of float64 without any rounding: numbers that do not overlap, rising in magnitude, whose mathematical sum is
 * the sum. So the order of additions and merges never shows (S22 would allow 1e-12). Mostly one to three numbers; at
 * most 40. A sum that meets NaN or an infinity is that alone, as is one that passes float64's range on its way.
 * Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997, as in Python's `math.fsum`.
 */
export type ExactSum = number[]

/** Adds to `sum` in place. */
export function addExact(sum: ExactSum, addend: number): void {
  let high = addend
  let kept = 0
  for (let at = 0; at < sum.length; at++) {
    const part = sum[at]!
    const total = high + part
    if (!Number.isFinite(total)) {
      sum.length = 0
      sum.push(total)
      return
    }
    const low = Math.abs(high) < Math.abs(part) ? high - (total - part) : part - (total - high)
    if (low !== 0) sum[kept++] = low
    high = total
  }
  sum.length = kept
  if (high !== 0) sum.push(high)
}

/** The float64 nearest to the sum, ties to even. */
export function roundExact(sum: ExactSum): number {
  let at = sum.length - 1
  if (at < 0) return 0
  let high = sum[at]!
  let low = 0
  while (at > 0 && low === 0) {
    const part = sum[--at]!
    const total = high + part
    low = part - (total - high)
    high = total
  }
  // Half-way cases are decided by what lies below: `low` counts double if it has help of its own sign.
  const below = at > 0 ? sum[at - 1]! : 0
  if (low !== 0 && low * below > 0) {
    const nudged = high + low * 2
    if (nudged - high === low * 2) return nudged
  }
  return high
}
