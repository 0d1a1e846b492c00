import { encodeKey } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { FeatureColumn } from '../core/feature-column.ts'
import type { Platform } from '../platform.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { computeColumns } from './compute-columns.ts'
import { joinView } from './join-view.ts'
import { joinWindows } from './join-windows.ts'
import type { HistoryPins, LabelColumns } from './label-columns.ts'

/**
 * The service's features at each label, in its order of features and the labels' order (S21). Memory holds the labels,
 * their answers and some row groups, however long the history: the caller bounds the number of labels. The more their
 * keys share hash buckets, the fewer segments are read.
 */
export async function joinPartition(
  platform: Platform,
  resolved: ResolvedService,
  labels: LabelColumns,
  pins: HistoryPins,
): Promise<FeatureColumn[]> {
  const entries = []
  for (const entry of resolved.service.entries.keys())
    entries.push(await joinEntry(platform, resolved, entry, { labels, pins }))
  return computeColumns(resolved, labels, entries)
}

/**
 * The features of one of the service's entries, by its position: for labels that are divided anew for each entity.
 * `computeColumns` makes the service's features of those of all entries.
 */
export async function joinEntry(
  platform: Platform,
  { snapshot, service }: ResolvedService,
  entry: number,
  { labels, pins }: { readonly labels: LabelColumns; readonly pins: HistoryPins },
): Promise<FeatureColumn[]> {
  const { view: name, lookup, features } = service.entries[entry]!
  const view = snapshot.views[name]!
  const { entity, inputs } = service.lookups[lookup]!
  const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
  const columns = inputs.map((input) => labels.inputs[input]!)
  const keys = Array.from(labels.times, (_, label) =>
    encodeKey(
      types,
      columns.map((values) => values[label]!),
    ),
  )
  const wanted = { ...pins, keys, times: labels.times, features }
  return lookAgain(() =>
    view.windows === null
      ? joinView(platform, { snapshot, view }, wanted)
      : joinWindows(platform, { snapshot, view, windows: view.windows }, wanted),
  )
}

const LOOKS_MAX = 5

/** Erasure leaves nothing of a segment it has written anew: who has listed it finds it gone, and lists what there is now. */
async function lookAgain<T>(join: () => Promise<T>): Promise<T> {
  for (let look = 1; ; look++) {
    try {
      return await join()
    } catch (error) {
      const isGone = error instanceof FeatureStoreError && error.code === 'not_found'
      if (!isGone || look === LOOKS_MAX) throw error
    }
  }
}
