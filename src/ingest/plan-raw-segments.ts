import { decodeRawGroups, type RawGroup } from '../core/raw-row.ts'
import { rawGroupsToColumns } from '../core/raw-segment.ts'
import { RAW_SEGMENT_ROWS_MAX, rawSegment } from '../definitions/raw-log.ts'
import type { PlannedSegment } from './plan-segments.ts'

/** The segments that a cut of raw rows makes: of each form that the source's columns had meanwhile, as few as hold its rows. */
export function planRawSegments(source: string, name: string, text: string): PlannedSegment[] {
  const groups = decodeRawGroups(text)
  return [...Map.groupBy(groups, formOf).values()].flatMap(cutGroups).map((together) => {
    const { columns, eventTime } = together[0]!
    const rows = rawGroupsToColumns(together)
    const eventTimes = rows.values[eventTime]!.values as Float64Array
    return rawSegment(source, name, { columns, rows, eventTimes })
  })
}

function formOf({ columns, eventTime }: RawGroup): string {
  return JSON.stringify([columns, eventTime])
}

/** The rows of a message stay together: a message of the queue is never so long that they could not. */
function cutGroups(groups: readonly RawGroup[]): RawGroup[][] {
  const parts: RawGroup[][] = [[]]
  let rowCount = 0
  for (const group of groups) {
    if (rowCount + group.lines.length > RAW_SEGMENT_ROWS_MAX && rowCount > 0) {
      parts.push([])
      rowCount = 0
    }
    parts.at(-1)!.push(group)
    rowCount += group.lines.length
  }
  return parts
}
