import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { contentHash } from '../core/hash.ts'
import { openRawSegment, readRawRows } from '../core/raw-segment.ts'
import { compareStamps, compareText, encodeRow, tombstoneId } from '../core/row.ts'
import { encodeSegment, openSegment, scanSegment, segmentStatistics } from '../core/segment.ts'
import {
  FILL_SEGMENT,
  type SegmentRecord,
  segmentRecord,
  TOMBSTONE_COLUMN,
  tombstoneLog,
} from '../definitions/segment-record.ts'
import { type CompiledView, type Snapshot, segmentSchema } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { readViewRows, type ViewOfRaw, type ViewRowOfRaw } from './read-raw-rows.ts'
import type { FilledRow, SyncGroup } from './sync-filled.ts'

/** Batches of faulty rows that one chunk leaves in quarantine; of more, only the number is told. */
const FAULTS_MAX = 200

/** Writes the segments of a view for one segment of raw rows. Doing it again writes the same objects again. */
export async function writeFilled(
  platform: Platform,
  of: ViewOfRaw,
  { raw, chunk }: { readonly raw: SegmentRecord; readonly chunk: number },
): Promise<SegmentRecord[]> {
  const { rows, faults } = await readViewRows(platform, of, raw)
  for (const batch of faults.slice(0, FAULTS_MAX)) await platform.quarantine.write(batch)
  if (faults.length > 0) {
    platform.log.error('Rows that a view fails on were left out of its fill; they are in quarantine', {
      view: of.view.id,
      rows: faults.reduce((sum, batch) => sum + batch.rows.length, 0),
      kept: faults.slice(0, FAULTS_MAX).reduce((sum, batch) => sum + batch.rows.length, 0),
    })
  }
  const { bucketBits } = of.snapshot.entities[of.view.entity]!
  const bucketOf = ({ key }: ViewRowOfRaw) => bitsText(topBits(hashKey(key).high, bucketBits), bucketBits)
  const segments: SegmentRecord[] = []
  for (const [bucket, sameBucket] of Map.groupBy(rows, bucketOf))
    segments.push(await writeBucket(platform, of, { bucket, rows: sameBucket, chunk }))
  return segments
}

async function writeBucket(
  { offline }: Platform,
  { snapshot, view }: ViewOfRaw,
  { bucket, rows, chunk }: { readonly bucket: string; readonly rows: ViewRowOfRaw[]; readonly chunk: number },
): Promise<SegmentRecord> {
  const schema = segmentSchema(snapshot, view)
  rows.sort((a, b) => compareText(a.key, b.key) || compareStamps(a.stamp, b.stamp))
  const stamps = rows.map(({ stamp }) => stamp)
  const bytes = encodeSegment(schema, {
    keys: schema.keys.map((_, at) => rows.map(({ keyValues }) => keyValues[at]!)),
    stamps,
    features: schema.features.map((_, at) => rows.map(({ features }) => features[at]!)),
  })
  const name = `${FILL_SEGMENT}${view.id}-${String(chunk).padStart(6, '0')}-${contentHash(bytes)}`
  const record = segmentRecord({ viewId: view.id, bucket, name }, bytes.length, segmentStatistics(stamps))
  await offline.writeSegment(record.path, bytes)
  return record
}

/** What a chunk has made, with the messages that brought the rows: as it was written, whatever a Worker of one's own would make of it now. */
export async function readFilled(
  { offline }: Platform,
  { snapshot, view }: Pick<ViewOfRaw, 'snapshot' | 'view'>,
  { raw, segments }: { readonly raw: SegmentRecord; readonly segments: readonly SegmentRecord[] },
): Promise<FilledRow[]> {
  const messages = new Map<string, string>()
  const origin = await openRawSegment(offline.openSegment(raw), raw.path)
  for (const range of origin.rowGroups) {
    for (const { sequenceOrigin, sequenceIndex, message } of await readRawRows(origin, [], range))
      messages.set(`${sequenceIndex} ${sequenceOrigin}`, message)
  }
  const schema = segmentSchema(snapshot, view)
  const rows: FilledRow[] = []
  for (const segment of segments) {
    const file = await openSegment(offline.openSegment(segment), schema, segment.path)
    await scanSegment(file, schema, (key, stamp, features) => {
      rows.push({
        key,
        features,
        stamp,
        message: messages.get(`${stamp.sequenceIndex} ${stamp.sequenceOrigin}`)!,
      })
    })
  }
  return rows
}

/** The deletions of an entity's log, for its writers: those who have them already take them without effect (S10). */
export async function readTombstones(
  { offline }: Platform,
  {
    snapshot,
    view,
    startedTime,
  }: { readonly snapshot: Snapshot; readonly view: CompiledView; readonly startedTime: number },
): Promise<SyncGroup[]> {
  const { joinKeys, shardBits } = snapshot.entities[view.entity]!
  const log = tombstoneLog(view.entity)
  const schema = { keys: joinKeys, features: [TOMBSTONE_COLUMN] }
  const groups: SyncGroup[] = []
  for (const segment of await offline.list(log.view, log.version)) {
    const linesByShard = new Map<number, string[]>()
    const file = await openSegment(offline.openSegment(segment), schema, segment.path)
    await scanSegment(file, schema, (key, stamp, [name]) => {
      const shard = topBits(hashKey(key).high, shardBits)
      const line = encodeRow({ ...stamp, view: tombstoneId(name as string | null), key, cells: '' })
      const lines = linesByShard.get(shard)
      if (lines === undefined) linesByShard.set(shard, [line])
      else lines.push(line)
    })
    for (const [shard, lines] of linesByShard) {
      for (let at = 0; at < lines.length; at += TOMBSTONES_MAX) {
        const rows = lines.slice(at, at + TOMBSTONES_MAX).join('\n')
        groups.push({ id: `${segment.path}.${at}/${view.id}`, time: startedTime, rows, shard })
      }
    }
  }
  return groups
}

/** Rows of one delivery; they have no cells. */
const TOMBSTONES_MAX = 2_000
