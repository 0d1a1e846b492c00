import { parseCell } from '../../core/cell.ts'
import { findRows, keepRows, type RowsToFind } from '../../core/erase-rows.ts'
import { eraseText, type TextRows } from '../../core/erase-text.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { gunzip, gzip } from '../../core/gzip.ts'
import { LIMITS } from '../../core/limits.ts'
import { openParquet, type ParquetFile } from '../../core/parquet.ts'
import type { TextFormat } from '../../core/text-piece.ts'
import { checkParquetValue, parseValue, type Value } from '../../core/value.ts'
import type { CompiledColumn } from '../../definitions/snapshot.ts'
import type { LandedFile, Platform } from '../../platform.ts'
import type { Erased, ErasedKeys, ErasedSource } from '../../registry/erased-keys.ts'
import { partitionValues } from '../partition-values.ts'
import { isGzip } from '../plan-file.ts'
import { loadId } from '../start-loads.ts'

/** A file that somebody replaces again and again. */
const TRIES_MAX = 5

/**
 * Takes rows of keys out of a landed file, which stays what it was otherwise, and lets nobody load it again for that. What
 * cannot be rewritten is named.
 */
export async function eraseLanded(
  platform: Platform,
  erasedKeys: ErasedKeys,
  { source, name }: { readonly source: string; readonly name: string },
): Promise<Erased> {
  let reason = ': it is replaced again and again'
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const file = await platform.landing.find(source, name)
    if (file === undefined) return { removed: 0, notes: [] }
    try {
      const removed = await rewriteLanded({ platform, erasedKeys, source, file })
      if (removed !== undefined) return { removed, notes: [] }
    } catch (error) {
      if (!(error instanceof FeatureStoreError) || error.code === 'unavailable') throw error
      const found = await platform.landing.find(source, name)
      if (found?.etag !== file.etag) continue
      reason = erasedKeys.mayStandIn(error.message) ? '' : `: ${error.message}`
      break
    }
  }
  const called = erasedKeys.mayStandIn(name)
    ? `a landing file of "${source}"`
    : `landing file "${source}/${name}"`
  return { removed: 0, notes: [`Look into ${called} yourself, it could not be rewritten${reason}`] }
}

/** How many rows are gone; undefined when the file is another one by now. */
async function rewriteLanded(landed: Landed): Promise<number | undefined> {
  const { platform, source, file } = landed
  const left = await findLeft(landed)
  if (left === undefined) return 0
  if (file.bytes > LIMITS.erasedFileBytesMax)
    throw new FeatureStoreError(
      'failed_precondition',
      `it has ${file.bytes} bytes, at most ${LIMITS.erasedFileBytesMax} are rewritten`,
    )
  const before = (made: LandedFile) => carryLoad(platform, source, { file, made })
  const isDone = await platform.landing.rewrite(source, file, { make: left.make, before })
  return isDone ? left.count : undefined
}

/** The load of a file is that of what is left of it: nobody has to load that again (S9). Told before it is there. */
async function carryLoad(
  { loads }: Platform,
  source: string,
  { file, made }: { readonly file: LandedFile; readonly made: LandedFile },
): Promise<void> {
  const load = await loads.find(loadId(source, file))
  if (load === undefined) return
  if (load.status === 'queued' || load.status === 'running')
    throw new FeatureStoreError('unavailable', `Cannot erase keys: load "${load.id}" reads the file`)
  await loads.begin({ ...load, id: loadId(source, made), etag: made.etag, bytes: made.bytes, chunkCount: 0 })
}

interface Landed {
  readonly platform: Platform
  readonly erasedKeys: ErasedKeys
  readonly source: string
  readonly file: LandedFile
}

/** What is left of a file: how many rows of it go, and its bytes without them. */
interface Left {
  readonly count: number
  readonly make: () => AsyncIterable<Uint8Array>
}

/** Undefined where it holds no such row. */
async function findLeft(landed: Landed): Promise<Left | undefined> {
  const { platform, erasedKeys, source, file } = landed
  const erased = erasedKeys.sources.get(source)!
  if (erased.landing === null)
    throw new FeatureStoreError('failed_precondition', 'its source has never declared a landing')
  if (erased.landing.kind === 'parquet') {
    const opened = await openParquet(platform.landing.open(source, file), 'it')
    const found = await findRows(opened, parquetRows(opened, erased, file))
    return found.count === 0 ? undefined : { count: found.count, make: () => keepRows(opened, found) }
  }
  const rows = textRows(erasedKeys, erased, { file, format: erased.landing })
  const read = () => {
    const stream = platform.landing.stream(source, file)
    return isGzip(file.name) ? gunzip(stream) : stream
  }
  let count = 0
  for await (const _ of eraseText(read(), rows, (more) => (count += more)));
  if (count === 0) return undefined
  const make = () => {
    const kept = eraseText(read(), rows, () => {})
    return isGzip(file.name) ? gzip(kept) : kept
  }
  return { count, make }
}

/** What the path says of every row; undefined where it does not. */
function pathReader(file: LandedFile): (column: CompiledColumn) => Value {
  const values = partitionValues(file.name)
  return ({ name, type, unit }) => {
    const text = values.get(name)
    return text === undefined || text === null ? null : parseCell(type, text, unit ?? undefined)
  }
}

function parquetRows(opened: ParquetFile, { forms }: ErasedSource, file: LandedFile): RowsToFind {
  const types = new Map(opened.columns.map(({ name, type }) => [name, type]))
  const wanted = forms.flatMap(({ columns }) => columns.map(({ name }) => name))
  const reads = [...new Set(wanted)].filter((name) => types.has(name))
  const positions = new Map(reads.map((name, at) => [name, at]))
  const readPath = pathReader(file)
  return {
    reads,
    isErased: (values) =>
      forms.some(({ isErased }) =>
        isErased((column) => {
          const at = positions.get(column.name)
          if (at === undefined) return readPath(column)
          const epoch = types.get(column.name) === 'int64' ? (column.unit ?? undefined) : undefined
          return checkParquetValue(column.type, values[at], epoch)
        }),
      ),
  }
}

function textRows(
  { mayStandIn }: ErasedKeys,
  { source, forms }: ErasedSource,
  { file, format }: { readonly file: LandedFile; readonly format: TextFormat },
): TextRows {
  const readPath = pathReader(file)
  const isCsv = format.kind === 'csv'
  return {
    format,
    fields: source.columns.map(({ name }) => name),
    isErased: ({ read, unreadable }) => {
      if (unreadable !== undefined) return mayStandIn(unreadable)
      return forms.some(({ isErased }) =>
        isErased((column) => {
          const value = read(column.name)
          // As a load does it: a member of NDJSON that is null is as good as none.
          if (value === undefined || (value === null && !isCsv)) return readPath(column)
          if (value === null) return null
          const unit = column.unit ?? undefined
          return isCsv ? parseCell(column.type, value as string, unit) : parseValue(column.type, value, unit)
        }),
      )
    },
  }
}
