/** The float64 nearest to the mathematical sum, ties to even, by whole numbers of 2^-1074. */
export function exactSum(numbers: readonly number[]): number {
  const units = numbers.reduce((sum, value) => sum + toUnits(value), 0n)
  return units < 0n ? -fromUnits(-units) : fromUnits(units)
}

function toUnits(value: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(Math.abs(value)).buffer)[0]!
  const [exponent, fraction] = [bits >> 52n, bits & (2n ** 52n - 1n)]
  const units = exponent === 0n ? fraction : (fraction + 2n ** 52n) << (exponent - 1n)
  return value < 0 ? -units : units
}

function fromUnits(units: bigint): number {
  const dropped = BigInt(Math.max(0, units.toString(2).length - 53))
  const [kept, rest, half] = [units >> dropped, units & ((1n << dropped) - 1n), (1n << dropped) / 2n]
  const isUp = dropped > 0n && (rest > half || (rest === half && kept % 2n === 1n))
  return Number(isUp ? kept + 1n : kept) * 2 ** (Number(dropped) - 1074)
}
