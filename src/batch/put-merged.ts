import type { SegmentStatistics } from '../core/segment.ts'
import { madePath, type RegisteredSegment } from '../definitions/segment-record.ts'
import type { Platform } from '../platform.ts'

/** What becomes of segments that are merged. */
export interface MergedLog {
  readonly bytes: Uint8Array
  readonly statistics: SegmentStatistics
  readonly commitMin: number
  readonly commitMax: number
}

/**
 * Puts a merged segment in the place of what it was made of. False, and nothing left behind, when somebody else has changed one of
 * those meanwhile.
 */
export async function putMerged(
  { offline }: Pick<Platform, 'offline'>,
  inputs: readonly RegisteredSegment[],
  { bytes, statistics, commitMin, commitMax }: MergedLog,
): Promise<boolean> {
  const { path: first, view, version, bucket } = inputs[0]!
  const paths = inputs.map(({ path }) => path)
  const path = madePath(first, { making: 'merged', of: paths, bytes })
  const record: RegisteredSegment = {
    path,
    view,
    version,
    bucket,
    bytes: bytes.length,
    ...statistics,
    commit: commitMax,
    commitMin,
  }
  await offline.writeSegment(path, bytes)
  const isDone = await offline.replace(paths, record)
  if (!isDone) await offline.deleteObject(path)
  return isDone
}
