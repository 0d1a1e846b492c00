import { parseCell } from '../core/cell.ts'
import { encodeKey } from '../core/entity-key.ts'
import { findRows, keepRows, type RowsToFind } from '../core/erase-rows.ts'
import { eraseText, type TextRecord } from '../core/erase-text.ts'
import { FeatureStoreError } from '../core/error.ts'
import { gunzip, gzip } from '../core/gzip.ts'
import { LIMITS } from '../core/limits.ts'
import { openParquet, type ParquetFile } from '../core/parquet.ts'
import type { Instant } from '../core/time.ts'
import { checkParquetValue, parseValue, type Value } from '../core/value.ts'
import type { Files, Platform, StoredFile } from '../platform.ts'
import type { Erased, ErasedKeys, ErasedPlace } from '../registry/erased-keys.ts'
import { datasetPath } from './dataset-steps.ts'
import { LABELS_FOLDER } from './start-dataset.ts'
import { textFormat } from './text-labels.ts'

/** In this order: labels that are gone come into no dataset any more. */
export const LABEL_PLACES: readonly ErasedPlace[] = [
  { name: 'labels', erase: eraseLabels },
  { name: 'datasets', erase: eraseDatasets, findUnfinished: findUnfinishedDataset },
]

/** Takes label rows of keys out of the label files. Who reads such a file finds it replaced. */
async function eraseLabels(platform: Platform, erasedKeys: ErasedKeys): Promise<Erased> {
  const notes: string[] = []
  let removed = 0
  for (const stored of await platform.files.list(LABELS_FOLDER)) {
    try {
      removed += await eraseLabelFile(platform, erasedKeys, stored)
    } catch (error) {
      if (!(error instanceof FeatureStoreError) || error.code === 'unavailable') throw error
      const called = erasedKeys.mayStandIn(stored.path) ? 'A label file' : `Label file "${stored.path}"`
      const reason = erasedKeys.mayStandIn(error.message) ? '' : `: ${error.message}`
      notes.push(`${called} was not rewritten, look into it yourself${reason}`)
    }
  }
  return { removed, notes }
}

async function eraseLabelFile(
  { files }: Platform,
  erasedKeys: ErasedKeys,
  stored: StoredFile,
): Promise<number> {
  const left = await findLeft(files, erasedKeys, stored)
  if (left === undefined) return 0
  if (stored.bytes > LIMITS.erasedFileBytesMax)
    throw new FeatureStoreError(
      'failed_precondition',
      `it has ${stored.bytes} bytes, at most ${LIMITS.erasedFileBytesMax} are rewritten`,
    )
  if (left.isNothing) await files.delete(stored.path)
  else if (!(await files.rewrite(stored, left.make)))
    throw new FeatureStoreError('failed_precondition', 'it was replaced meanwhile')
  return left.count
}

/** What is left of a label file: how many rows of it go, whether all do, and its bytes without them. */
interface Left {
  readonly count: number
  readonly isNothing: boolean
  readonly make: () => AsyncIterable<Uint8Array>
}

/** Undefined where it holds no such row. */
async function findLeft(files: Files, erasedKeys: ErasedKeys, stored: StoredFile): Promise<Left | undefined> {
  const format = textFormat(stored.path)
  if (format === undefined) {
    const file = await openParquet(files.open(stored), 'it')
    const found = await findRows(file, rowsOfKeys(file, erasedKeys))
    if (found.count === 0) return undefined
    return {
      count: found.count,
      isNothing: found.count === file.rowCount,
      make: () => keepRows(file, found),
    }
  }
  const isCompressed = stored.path.endsWith('.gz')
  const rows = { format, fields: [], isErased: labelTest(erasedKeys, format.kind === 'csv') }
  const keep = (onErased: (more: number) => void) =>
    eraseText(isCompressed ? gunzip(files.chunks(stored)) : files.chunks(stored), rows, onErased)
  let count = 0
  for await (const _ of keep((more) => (count += more)));
  if (count === 0) return undefined
  const make = () => (isCompressed ? gzip(keep(() => {})) : keep(() => {}))
  return { count, isNothing: false, make }
}

/** A row of a text file gives a key if its columns do under any of the names by which labels give it. */
function labelTest({ joinKeys, keys, labelKeys, mayStandIn }: ErasedKeys, isCsv: boolean) {
  const types = joinKeys.map(({ type }) => type)
  return ({ read, unreadable }: TextRecord): boolean => {
    if (unreadable !== undefined) return mayStandIn(unreadable)
    return labelKeys.some((names) => {
      try {
        const values = names.map((name, at): Value => {
          const value = read(name) ?? null
          if (value === null) return null
          return isCsv ? parseCell(types[at]!, value as string) : parseValue(types[at]!, value)
        })
        return !values.includes(null) && keys.has(encodeKey(types, values))
      } catch (error) {
        // A value of another type gives no key.
        if (error instanceof FeatureStoreError) return false
        throw error
      }
    })
  }
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
      held += found.count
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
