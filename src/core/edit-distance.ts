/**
 * How many letters have to be put in, left out, replaced or swapped with the next one to make `b` of `a`; anything
 * above `distanceMax` is told as `distanceMax + 1`, and found out early.
 */
export function editDistance(a: string, b: string, distanceMax: number): number {
  const far = distanceMax + 1
  if (Math.abs(a.length - b.length) > distanceMax) return far
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    let rowMin = i
    for (let j = 1; j <= b.length; j++) {
      const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      let distance = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (isSame ? 0 : 1))
      const isSwap =
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      if (isSwap) distance = Math.min(distance, before[j - 2]! + 1)
      next.push(distance)
      if (distance < rowMin) rowMin = distance
    }
    if (rowMin > distanceMax) return far
    before = row
    row = next
  }
  return Math.min(row[b.length]!, far)
}
