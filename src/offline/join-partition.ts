import { encodeKey } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { FeatureColumn } from '../core/feature-column.ts'
import { arrangeLabels } from '../core/join.ts'
import type { Value } from '../core/value.ts'
import type { VectorPool } from '../core/vector.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { computeColumns } from './compute-columns.ts'
import { joinView } from './join-view.ts'
import { joinWindows } from './join-windows.ts'
import type { HistoryPins, LabelColumns } from './label-columns.ts'
import type { LogPlatform } from './read-log.ts'

/**
 * The service's features at each label, in its order of features and the labels' order (S21). Memory holds the labels,
 * their answers and some row groups, however long the history: the caller bounds the number of labels. The more their
 * keys share hash buckets, the fewer segments are read.
 */
export async function joinPartition(
  platform: LogPlatform,
  resolved: ResolvedService,
  labels: LabelColumns,
  pins: HistoryPins,
): Promise<FeatureColumn[]> {
  const { entries, lookups } = resolved.service
  const answers: (readonly FeatureColumn[])[] = new Array(entries.length)
  // Lookup by lookup: entries of one share the labels' arrangement by its key.
  for (const lookup of lookups.keys()) {
    const own = [...entries.keys()].filter((entry) => entries[entry]!.lookup === lookup)
    const found = await joinEntries(platform, resolved, own, { labels, pins })
    for (const [at, entry] of own.entries()) answers[entry] = found[at]!
  }
  return computeColumns(resolved, labels, answers)
}

/**
 * The features of some of the service's entries, given by position, that have one lookup: for labels that are divided
 * anew for each entity. `computeColumns` makes the service's features of those of all entries.
 */
export async function joinEntries(
  platform: LogPlatform,
  { snapshot, service }: ResolvedService,
  entries: readonly number[],
  { labels, pins }: { readonly labels: LabelColumns; readonly pins: HistoryPins },
): Promise<FeatureColumn[][]> {
  const answers: FeatureColumn[][] = []
  if (entries.length === 0) return answers
  const { entity, inputs } = service.lookups[service.entries[entries[0]!]!.lookup]!
  const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
  const columns = inputs.map((input) => labels.inputs[input]!)
  const keys: string[] = []
  const cells = columns.map((): Value => null)
  for (let label = 0; label < labels.times.length; label++) {
    for (let at = 0; at < columns.length; at++) cells[at] = columns[at]![label]!
    keys.push(encodeKey(types, cells))
  }
  const slots = arrangeLabels(keys, labels.times)
  const pool: VectorPool = new Map()
  for (const entry of entries) {
    const { view: id, features } = service.entries[entry]!
    const view = snapshot.views[id]!
    const wanted = { ...pins, slots, times: labels.times, features, pool }
    const { windows } = view
    const joined = await lookAgain(() =>
      windows === null
        ? joinView(platform, { snapshot, view }, wanted)
        : joinWindows(platform, { snapshot, view, windows }, wanted),
    )
    answers.push(joined)
  }
  return answers
}

/** As `joinEntries`, for one entry. */
export async function joinEntry(
  platform: LogPlatform,
  resolved: ResolvedService,
  entry: number,
  options: { readonly labels: LabelColumns; readonly pins: HistoryPins },
): Promise<FeatureColumn[]> {
  const [answers] = await joinEntries(platform, resolved, [entry], options)
  return answers!
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
