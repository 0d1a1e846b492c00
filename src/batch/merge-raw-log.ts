import type { ParquetFile } from '../core/parquet.ts'
import { joinRawSegments, openRawSegment } from '../core/raw-segment.ts'
import type { SegmentStatistics } from '../core/segment.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import type { Platform } from '../platform.ts'
import { canJoin, type LogPosition, planRawCompaction } from './plan-compaction.ts'
import { putMerged } from './put-merged.ts'

/**
 * Joins the next small segments of a source's raw rows, after `after` in the order of the log. Answers where the one after them
 * begins: a log is gone through once. Undefined when there was nothing left to join.
 */
export async function mergeRawLog(
  platform: Pick<Platform, 'offline'>,
  manifest: readonly RegisteredSegment[],
  after: LogPosition | null,
): Promise<LogPosition | null | undefined> {
  const planned = planRawCompaction(manifest, after)
  if (planned === undefined) return undefined
  const files = await openJoinable(platform, planned)
  const inputs = planned.slice(0, files.length)
  if (inputs.length > 1) {
    const commit = Math.max(...inputs.map((segment) => segment.commit))
    const merged = { statistics: statisticsOf(inputs), commitMin: commit, commitMax: commit }
    const isDone = await putMerged(platform, inputs, { ...merged, bytes: await joinRawSegments(files) })
    if (!isDone) return after
  }
  const { commit, path } = inputs.at(-1)!
  return { commit, path }
}

/** As many as can be joined: the first at least. */
async function openJoinable(
  { offline }: Pick<Platform, 'offline'>,
  planned: readonly RegisteredSegment[],
): Promise<ParquetFile[]> {
  const files: ParquetFile[] = []
  for (const segment of planned) {
    const file = await openRawSegment(offline.openSegment(segment), segment.path)
    if (files.length > 0 && !canJoin([...files, file])) break
    files.push(file)
  }
  return files
}

function statisticsOf(segments: readonly RegisteredSegment[]): SegmentStatistics {
  const of = (field: keyof SegmentStatistics) => segments.map((segment) => segment[field])
  return {
    rowCount: of('rowCount').reduce((sum, count) => sum + count, 0),
    eventTimeMin: Math.min(...of('eventTimeMin')),
    eventTimeMax: Math.max(...of('eventTimeMax')),
    ingestTimeMin: Math.min(...of('ingestTimeMin')),
    ingestTimeMax: Math.max(...of('ingestTimeMax')),
  }
}
