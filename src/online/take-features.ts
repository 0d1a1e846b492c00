import type { CompiledEntry } from '../definitions/snapshot.ts'

/** A feature of a view as one entry of a service takes it. */
export interface TakenFeature {
  readonly entry: CompiledEntry
  /** Position in the entry's view. */
  readonly feature: number
}

/** Neighbours of one entry stay one entry, so that a row's line is cut once for all of them. */
export function takeFeatures(taken: readonly TakenFeature[]): CompiledEntry[] {
  const runs: { readonly entry: CompiledEntry; readonly features: number[] }[] = []
  for (const { entry, feature } of taken) {
    const last = runs.at(-1)
    if (last?.entry === entry) last.features.push(feature)
    else runs.push({ entry, features: [feature] })
  }
  return runs.map(({ entry, features }) => {
    return { ...entry, features, isWhole: entry.isWhole && features.join() === entry.features.join() }
  })
}
