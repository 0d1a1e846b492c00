import { decodeRawGroups, groupRows } from '../core/raw-row.ts'
import { openRawSegment, readRawRows } from '../core/raw-segment.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { encodeValue, type Value } from '../core/value.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import { rawLog } from '../definitions/raw-log.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'

/** Event times, `from` inclusive, `to` exclusive. */
export interface RowTimes {
  readonly from: Instant
  readonly to: Instant
}

/**
 * The accepted rows of a source as NDJSON, part by part, in no order: those that wait in the writers, then the log, a row group in memory at a
 * time. Columns are those of the source now: older rows read null where they had none, and what was of another type is cast.
 */
export async function* readSourceRows(
  platform: Platform,
  { snapshot, source }: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  times: RowTimes,
): AsyncGenerator<string> {
  // Writers first: what leaves one meanwhile is in the log before, and is left out there.
  const waiting = new Set<string>()
  for (const layout of rawLayouts(snapshot, source)) {
    for (const group of decodeRawGroups(await platform.rawWriters.readWaiting(layout))) {
      waiting.add(group.message)
      const rows = groupRows(group).filter(({ values }) => isWithin(times, values[group.eventTime]!))
      yield rows.map(({ values }) => rowText(group.columns, values)).join('')
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
      yield rows.map(({ values }) => rowText(source.columns, values)).join('')
    }
  }
}

function isWithin({ from, to }: RowTimes, time: Value): boolean {
  return typeof time === 'number' && time >= from && time < to
}

function rowText(columns: readonly NamedType[], values: readonly Value[]): string {
  const cells = columns.map(
    ({ name, type }, at) => `${JSON.stringify(name)}:${encodeValue(type, values[at]!)}`,
  )
  return `{${cells.join(',')}}\n`
}
