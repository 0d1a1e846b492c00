import { encodeKey } from '../core/entity-key.ts'
import { eraseRows, findRows, type RowsToFind } from '../core/erase-rows.ts'
import { FeatureStoreError } from '../core/error.ts'
import { openParquet, type ParquetFile } from '../core/parquet.ts'
import type { Instant } from '../core/time.ts'
import { checkParquetValue, type Value } from '../core/value.ts'
import type { Platform } from '../platform.ts'
import type { Erased, ErasedKeys, ErasedPlace } from '../registry/erased-keys.ts'
import { datasetPath } from './dataset-steps.ts'
import { LABELS_FOLDER } from './start-dataset.ts'

/** In this order: labels that are gone come into no dataset any more. */
export const LABEL_PLACES: readonly ErasedPlace[] = [
  { name: 'labels', erase: eraseLabels },
  { name: 'datasets', erase: eraseDatasets, findUnfinished: findUnfinishedDataset },
]

/** Takes label rows of keys out of the label files. Who reads such a file finds it replaced. */
async function eraseLabels({ files }: Platform, erasedKeys: ErasedKeys): Promise<Erased> {
  const notes: string[] = []
  let removed = 0
  for (const stored of await files.list(LABELS_FOLDER)) {
    try {
      const file = await openParquet(files.open(stored), 'it')
      const left = await eraseRows(file, { ...rowsOfKeys(file, erasedKeys), required: new Set() })
      if (left === undefined) continue
      if (left.rowCount === 0) await files.delete(stored.path)
      else await files.put(stored.path, left.bytes)
      removed += left.erasedCount
    } catch (error) {
      if (!(error instanceof FeatureStoreError) || error.code === 'unavailable') throw error
      notes.push(`Label file "${stored.path}" was not rewritten, look into it yourself: ${error.message}`)
    }
  }
  return { removed, notes }
}

const REASON = 'rows that it holds have been erased'

/**
 * Deletes the files of training datasets that hold a row of a key, and what others have left of their making. Manifests stay and
 * say so. Answers how many rows of the keys they held.
 */
async function eraseDatasets(platform: Platform, erasedKeys: ErasedKeys): Promise<Erased> {
  const { files, training, jobRecords } = platform
  const unfinished = new Set((await jobRecords.listUnfinished()).map(({ id }) => id))
  const stored = await files.list(datasetPath.all)
  let removed = 0
  for (const [id, own] of Map.groupBy(stored, ({ path }) => path.split('/')[1]!)) {
    if (!unfinished.has(id)) await files.deleteAll(datasetPath.scratch(id))
    let held = 0
    for (const one of own) {
      if (!/\/part-\d+\.parquet$/.test(one.path)) continue
      const file = await openParquet(files.open(one), `dataset "${one.path}"`)
      const found = await findRows(file, rowsOfKeys(file, erasedKeys))
      held += found.reduce((sum, { size }) => sum + size, 0)
    }
    if (held === 0) continue
    removed += held
    // Marked before it is deleted: cut off in between, it is found and deleted again.
    const dataset = await training.find(id)
    if (dataset !== undefined) {
      const result = dataset.result && { ...dataset.result, files: [] }
      await training.update(id, { result, touched: dataset.touched ?? REASON })
    }
    await markManifest(platform, id)
    await files.deleteAll(datasetPath.parts(id))
  }
  return { removed, notes: [] }
}

/** A training dataset that was begun before `time` and has not ended, in words; undefined when there is none. */
async function findUnfinishedDataset({ jobRecords }: Platform, time: Instant): Promise<string | undefined> {
  const dataset = (await jobRecords.listUnfinished()).find(
    ({ kind, startedTime }) => kind === 'training' && startedTime <= time,
  )
  return dataset && `training dataset "${dataset.id}" has not ended`
}

async function markManifest({ files }: Platform, id: string): Promise<void> {
  const stored = await files.find(datasetPath.manifest(id))
  if (stored === undefined) return
  const manifest = JSON.parse(await files.readText(stored, { offset: 0, length: stored.bytes }))
  await files.put(stored.path, `${JSON.stringify({ ...manifest, erased: REASON }, null, 2)}\n`)
}

/** The rows that give one of the keys under any of the names by which label rows give it. */
function rowsOfKeys(file: ParquetFile, { joinKeys, keys, labelKeys }: ErasedKeys): RowsToFind {
  const there = new Set(file.columns.map(({ name }) => name))
  const named = labelKeys.filter((names) => names.every((name) => there.has(name)))
  const reads = [...new Set(named.flat())]
  const types = joinKeys.map(({ type }) => type)
  const positions = named.map((names) => names.map((name) => reads.indexOf(name)))
  const keyOf = (values: readonly Value[]): string | undefined => {
    try {
      return encodeKey(
        types,
        types.map((type, at) => checkParquetValue(type, values[at])),
      )
    } catch (error) {
      // A column of that name and of another type gives no key.
      if (error instanceof FeatureStoreError) return undefined
      throw error
    }
  }
  return {
    reads,
    isErased: (values) =>
      positions.some((at) => {
        const key = keyOf(at.map((position) => values[position]!))
        return key !== undefined && keys.has(key)
      }),
  }
}
