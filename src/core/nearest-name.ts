import { editDistance } from './edit-distance.ts'

/** The known name a misspelt one most likely meant; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase()
  let nearest: string | undefined
  let distanceMax = Math.ceil(name.length / 3)
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase(), distanceMax)
    if (distance > distanceMax) continue
    nearest = candidate
    distanceMax = distance - 1
    if (distance === 0) break
  }
  return nearest
}
