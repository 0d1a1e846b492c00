import { compareValues } from '../core/aggregate/compare-values.ts'
import type { ParquetFile, RowGroupRange } from '../core/parquet.ts'
import type { NamedType } from '../core/segment.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'

/** More keys than this are not looked for one by one: hardly any row group would be without one of them. */
const KEYS_SOUGHT_MAX = 1_000
/** A bloom filter errs for one key in a hundred: of more keys than this, half the filters would be read for nothing. */
const BLOOM_KEYS_MAX = 64
/** What a filter may cost, as a share of the column that need not be read if it says no. */
const BLOOM_SHARE_MAX = 0.5

/** Keys of labels by value, for telling which row groups cannot hold one of them. */
export interface SoughtKeys {
  /** The join keys, in the entity's order. */
  readonly columns: readonly NamedType[]
  readonly keys: readonly (readonly Value[])[]
}

/** Undefined where there are too many for it to pay. */
export function seekKeys(columns: readonly NamedType[], encoded: readonly string[]): SoughtKeys | undefined {
  if (encoded.length > KEYS_SOUGHT_MAX) return undefined
  const keys = encoded.map((key) => splitCells(key).map((cell, at) => decodeValue(columns[at]!.type, cell)))
  return { columns, keys }
}

/** The keys that a row group's statistics leave possible. */
export function keysWithin({ columns, keys }: SoughtKeys, group: Pick<RowGroupRange, 'bounds'>): SoughtKeys {
  const bounds = columns.map(({ name, type }) => (type === 'bytes' ? undefined : group.bounds(name)))
  const isWithin = (value: Value, at: number) => {
    const { min, max } = bounds[at] ?? {}
    if (min === undefined || max === undefined) return true
    return (
      compareValues(value as string, min as string) >= 0 && compareValues(value as string, max as string) <= 0
    )
  }
  return { columns, keys: keys.filter((key) => key.every(isWithin)) }
}

/** The key columns of a row group whose bloom filters are worth their reading: small ones, for few keys. */
export function bloomFiltersWorthReading(
  { columns, keys }: SoughtKeys,
  group: Pick<RowGroupRange, 'sizes'>,
): string[] {
  if (keys.length > BLOOM_KEYS_MAX) return []
  return columns
    .map(({ name }) => name)
    .filter((name) => {
      const { column, bloomFilter } = group.sizes(name)
      return bloomFilter > 0 && bloomFilter <= column * BLOOM_SHARE_MAX
    })
}

/** Reads bloom filters, one after another as long as they leave a key possible. False: none of the keys is there. */
export async function mayHoldKeys(
  file: Pick<ParquetFile, 'readBloomFilter'>,
  {
    group,
    sought,
    bloomFilters,
  }: {
    readonly group: number
    readonly sought: SoughtKeys | undefined
    readonly bloomFilters: readonly string[]
  },
): Promise<boolean> {
  if (sought === undefined) return true
  const { columns } = sought
  let left = sought.keys
  for (const name of bloomFilters) {
    const mayHold = await file.readBloomFilter(name, group)
    const at = columns.findIndex((column) => column.name === name)
    if (mayHold !== undefined) left = left.filter((key) => mayHold(key[at]!))
    if (left.length === 0) return false
  }
  return true
}
