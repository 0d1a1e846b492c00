import { bitsText } from '../core/entity-key.ts'
import { writeParquet } from '../core/parquet.ts'
import { compareStamps, compareText, type Stamp, type StampOrder } from '../core/row.ts'
import { openSegment, type SegmentSchema, scanSegment } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'
import { type RegisteredSegment, TOMBSTONE_COLUMN, tombstoneLog } from '../definitions/segment-record.ts'
import type { CompiledView } from '../definitions/snapshot.ts'
import type { Platform, StoredFile } from '../platform.ts'
import { datasetPath, type PinnedDataset } from './dataset-steps.ts'
import { LABEL_TIME } from './parse-labels.ts'
import { planScan } from './plan-scan.ts'

export interface EntityLabels extends PinnedDataset {
  readonly entity: string
  readonly at: Instant
}

/**
 * Writes the keys of one bucket that are known at the time as label rows, by key: those whose newest row of some view, by
 * S6, is there and is no tombstone. A view's snapshot asks that view alone. Holds the keys of the bucket.
 */
export async function writeKnownEntities(
  platform: Platform,
  labels: EntityLabels,
  bucket: number,
): Promise<StoredFile> {
  const { dataset, resolved, entity, at } = labels
  const { snapshot } = resolved
  const { joinKeys } = snapshot.entities[entity]!
  const ofView = dataset.request.of.kind === 'view' ? resolved.service.entries[0]!.view : null
  const known = new Set<string>()
  for (const view of Object.values(snapshot.views)) {
    if (view.entity !== entity || (ofView !== null && ofView !== view.id)) continue
    for (const key of await findKeys(platform, labels, { view, bucket })) known.add(key)
  }
  const keys = [...known].sort(compareText).map((key) => splitCells(key))
  const columns = joinKeys.map(({ name, type }, column) => ({
    name,
    type,
    required: true,
    values: keys.map((cells) => decodeValue(type, cells[column]!)),
  }))
  const times = { name: LABEL_TIME, type: 'timestamp' as const, required: true, values: keys.map(() => at) }
  return platform.files.put(
    `${datasetPath.scratch(dataset.id)}entities-${bucket}`,
    writeParquet([...columns, times]),
  )
}

interface Newest {
  readonly stamp: StampOrder
  readonly isTombstone: boolean
}

/** Keys of one bucket whose newest row in a view's log is one of the view's own. */
async function findKeys(
  platform: Platform,
  { pins, resolved, entity, at }: EntityLabels,
  { view, bucket }: { readonly view: CompiledView; readonly bucket: number },
): Promise<string[]> {
  const { joinKeys, bucketBits } = resolved.snapshot.entities[entity]!
  const newest = new Map<string, Newest>()
  const oldest = view.retentionUs === null ? Number.NEGATIVE_INFINITY : at - view.retentionUs
  const scan = async (log: ScannedLog) => {
    const bounds = {
      buckets: new Set([bitsText(bucket, bucketBits)]),
      labelTimeMin: at,
      labelTimeMax: at,
      asOf: pins.asOf,
      commit: pins.commit,
    }
    for (const segment of planScan(view, log.manifest, bounds)) {
      const file = await openSegment(platform.offline.openSegment(segment), log.schema, segment.path)
      const take = (key: string, stamp: Stamp, [deletes]: readonly Value[]) => {
        const isMeant = !log.isTombstone || deletes === null || deletes === view.name
        const isPast = stamp.eventTime <= at && stamp.eventTime >= oldest && stamp.ingestTime <= pins.asOf
        if (!isMeant || !isPast) return
        const known = newest.get(key)
        if (known === undefined || compareStamps(stamp, known.stamp) > 0)
          newest.set(key, { stamp, isTombstone: log.isTombstone })
      }
      await scanSegment(file, log.schema, take, pins.commit)
    }
  }
  const { offline } = platform
  await scan({
    manifest: await offline.list(view.name, view.version),
    schema: { keys: joinKeys, features: [] },
    isTombstone: false,
  })
  const log = tombstoneLog(entity)
  await scan({
    manifest: await offline.list(log.view, log.version),
    schema: { keys: joinKeys, features: [TOMBSTONE_COLUMN] },
    isTombstone: true,
  })
  return [...newest].flatMap(([key, { isTombstone }]) => (isTombstone ? [] : [key]))
}

interface ScannedLog {
  readonly manifest: readonly RegisteredSegment[]
  readonly schema: SegmentSchema
  readonly isTombstone: boolean
}
