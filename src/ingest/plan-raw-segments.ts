import { decodeRawGroups, groupRows, type RawGroup } from '../core/raw-row.ts'
import { rawRowsToColumns } from '../core/raw-segment.ts'
import { rawSegment } from '../definitions/raw-log.ts'
import type { PlannedSegment } from './plan-segments.ts'

/** The segments that a cut of raw rows makes: one for each form that the source's columns had meanwhile. */
export function planRawSegments(source: string, name: string, text: string): PlannedSegment[] {
  const groups = decodeRawGroups(text)
  return [...Map.groupBy(groups, formOf).values()].map((sameForm) => {
    const { columns, eventTime } = sameForm[0]!
    const rows = sameForm.flatMap(groupRows)
    const eventTimes = rows.map(({ values }) => values[eventTime] as number)
    return rawSegment(source, name, { columns, rows: rawRowsToColumns(columns, rows), eventTimes })
  })
}

function formOf({ columns, eventTime }: RawGroup): string {
  return JSON.stringify([columns, eventTime])
}
