import { FeatureStoreError } from '../core/error.ts'
import { decodeRawGroups, groupRows, type RawRow } from '../core/raw-row.ts'
import { columnReader, openRawSegment, readRawRows, type ScannedRow } from '../core/raw-segment.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import type { Value } from '../core/value.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import { rawLog } from '../definitions/raw-log.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'

/** Which rows are wanted. */
export interface RowBounds {
  /** Event times, `from` inclusive, `to` exclusive. */
  readonly from: Instant
  readonly to: Instant
  /** Of ingest times, inclusive (S5); absent for whatever there is. */
  readonly asOf?: Instant | undefined
}

/** Values in the order of the source's columns. */
export type SourceRow = readonly Value[]

/** A row with a value that has no cast to its column's type of now. */
export interface SourceRowFault {
  /** The push or load that brought it, and its place there. */
  readonly origin: string
  readonly index: number
  readonly reason: string
}

export interface SourceRows {
  readonly rows: readonly SourceRow[]
  /** Of whatever event time, for there may be none to be read. */
  readonly faults: readonly SourceRowFault[]
}

/**
 * The accepted rows of a source, part by part, in no order: those that wait in the writers, then the log, a row group in
 * memory at a time. Columns are those of the source now: older rows read null where they had none, and what was of another
 * type is cast; a row with a value that has no cast is a fault.
 */
export async function* readSourceRows(
  platform: Platform,
  { snapshot, source }: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  bounds: RowBounds,
): AsyncGenerator<SourceRows> {
  const { from, to, asOf = Number.POSITIVE_INFINITY } = bounds
  let faultCount = 0
  const partOf = (scanned: readonly ScannedRow[]): SourceRows => {
    const known = scanned.filter(({ ingestTime }) => ingestTime <= asOf)
    const rows = known
      .filter(({ fault, values }) => fault === undefined && isWithin(bounds, values[source.eventTime]!))
      .map(({ values }) => values)
    const faults = known.flatMap(({ fault, sequenceOrigin: origin, sequenceIndex: index }) =>
      fault === undefined ? [] : [{ origin, index, reason: fault }],
    )
    faultCount += faults.length
    return { rows, faults }
  }
  // Writers first: what leaves one meanwhile is in the log before, and is left out there.
  const waiting = new Set<string>()
  for (const layout of rawLayouts(snapshot, source)) {
    for (const group of decodeRawGroups(await platform.rawWriters.readWaiting(layout))) {
      waiting.add(group.message)
      yield partOf(groupRows(group).map(rowCaster(group.columns, source.columns)))
    }
  }
  const { view, version } = rawLog(source.name)
  for (const segment of await platform.offline.list(view, version)) {
    if (segment.eventTimeMin >= to || segment.eventTimeMax < from || segment.ingestTimeMin > asOf) continue
    const file = await openRawSegment(platform.offline.openSegment(segment), segment.path)
    for (const range of file.rowGroups) {
      const scanned = await readRawRows(file, source.columns, range)
      yield partOf(scanned.filter(({ message }) => !waiting.has(message)))
    }
  }
  if (faultCount > 0)
    platform.log.error("Raw rows have no cast to their source's columns of now; `format=faults` tells why", {
      source: source.name,
      rows: faultCount,
    })
}

function isWithin({ from, to }: RowBounds, time: Value): boolean {
  return typeof time === 'number' && time >= from && time < to
}

/** Gives a row of a source's former columns those it has now. */
function rowCaster(before: readonly NamedType[], now: readonly NamedType[]) {
  const readers = now.map(({ name, type }) => {
    const at = before.findIndex((column) => column.name === name)
    return { at, read: columnReader(name, before[at]?.type, type) }
  })
  return (row: RawRow): ScannedRow => {
    try {
      return { ...row, values: readers.map(({ at, read }) => read(row.values[at] ?? null)) }
    } catch (error) {
      if (error instanceof FeatureStoreError) return { ...row, values: [], fault: error.message }
      throw error
    }
  }
}
