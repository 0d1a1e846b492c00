import { FeatureStoreError } from '../core/error.ts'
import { decodeRawGroups, groupRows } from '../core/raw-row.ts'
import { columnReader, openRawSegment, readRawRows } from '../core/raw-segment.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import type { Value } from '../core/value.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import { rawLog } from '../definitions/raw-log.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'

/** Event times, `from` inclusive, `to` exclusive. */
export interface RowTimes {
  readonly from: Instant
  readonly to: Instant
}

/** Values in the order of the source's columns. */
export type SourceRow = readonly Value[]

/**
 * The accepted rows of a source, part by part, in no order: those that wait in the writers, then the log, a row group in
 * memory at a time. Columns are those of the source now: older rows read null where they had none, and what was of another
 * type is cast; a row with a value that has no cast is left out.
 */
export async function* readSourceRows(
  platform: Platform,
  { snapshot, source }: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  times: RowTimes,
): AsyncGenerator<readonly SourceRow[]> {
  // Writers first: what leaves one meanwhile is in the log before, and is left out there.
  const waiting = new Set<string>()
  for (const layout of rawLayouts(snapshot, source)) {
    for (const group of decodeRawGroups(await platform.rawWriters.readWaiting(layout))) {
      waiting.add(group.message)
      const rowAsNow = rowReader(group.columns, source.columns)
      const rows = groupRows(group).flatMap(({ values }) => rowAsNow(values))
      yield rows.filter((values) => isWithin(times, values[source.eventTime]!))
    }
  }
  const { view, version } = rawLog(source.name)
  for (const segment of await platform.offline.list(view, version)) {
    if (segment.eventTimeMin >= times.to || segment.eventTimeMax < times.from) continue
    const file = await openRawSegment(platform.offline.openSegment(segment), segment.path)
    for (const range of file.rowGroups) {
      const rows = (await readRawRows(file, source.columns, range)).filter(
        ({ message, values }) => !waiting.has(message) && isWithin(times, values[source.eventTime]!),
      )
      yield rows.map(({ values }) => values)
    }
  }
}

function isWithin({ from, to }: RowTimes, time: Value): boolean {
  return typeof time === 'number' && time >= from && time < to
}

/** Gives a row of a source's former columns those it has now; an empty list for one with a value that has no cast. */
function rowReader(before: readonly NamedType[], now: readonly NamedType[]) {
  const readers = now.map(({ name, type }) => {
    const at = before.findIndex((column) => column.name === name)
    return { at, read: columnReader(name, before[at]?.type, type) }
  })
  return (values: readonly Value[]): SourceRow[] => {
    try {
      return [readers.map(({ at, read }) => read(values[at] ?? null))]
    } catch (error) {
      if (error instanceof FeatureStoreError) return []
      throw error
    }
  }
}
