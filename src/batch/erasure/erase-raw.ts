import type { RowsToErase } from '../../core/erase-rows.ts'
import type { ParquetFile } from '../../core/parquet.ts'
import { columnReader, RAW_STAMP_COLUMNS } from '../../core/raw-segment.ts'
import type { Instant } from '../../core/time.ts'
import { RAW_BUCKET, rawLog } from '../../definitions/raw-log.ts'
import type { Platform } from '../../platform.ts'
import { readWritingSnapshot } from '../../registry/current-snapshot.ts'
import type { Erased, ErasedKeys, ErasedSource } from '../../registry/erased-keys.ts'
import { sealRaw } from '../../registry/fill-views.ts'
import { eraseFromLog } from './erase-from-log.ts'

/** Takes rows of keys out of the raw rows of a source: its writers log what they have first. */
export async function eraseRaw(
  platform: Platform,
  { keys, sources }: ErasedKeys,
  { source: name, time }: { readonly source: string; readonly time: Instant },
): Promise<Erased> {
  const erased = sources.get(name)!
  await sealRaw(platform, await readWritingSnapshot(platform, {}), erased.source)
  const removed = await eraseFromLog(platform, {
    log: rawLog(name),
    buckets: [RAW_BUCKET],
    rowsOf: (file) => rawRowsOf(file, erased),
    keys: [...keys],
    time,
  })
  return { removed, notes: [] }
}

/** A row taken in under one form of its source may have come to a view under another, by a fill: its values are cast as there. */
function rawRowsOf({ columns }: ParquetFile, { forms }: ErasedSource): RowsToErase {
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const wanted = forms.flatMap((form) => form.columns.map(({ name }) => name))
  const reads = [...new Set(wanted)].filter((name) => types.has(name))
  const tests = forms.map((form) => {
    const readers = new Map(
      form.columns.map(({ name, type }) => [
        name,
        { at: reads.indexOf(name), read: columnReader(name, types.get(name), type) },
      ]),
    )
    return { readers, isErased: form.isErased }
  })
  return {
    reads,
    isErased: (values) =>
      tests.some(({ readers, isErased }) =>
        isErased(({ name }) => {
          const { at, read } = readers.get(name)!
          return at < 0 ? null : read(values[at]!)
        }),
      ),
    required: new Set(RAW_STAMP_COLUMNS),
  }
}
