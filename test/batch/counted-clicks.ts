import { createParquetWriter } from '../../src/core/parquet.ts'
import { openSegment } from '../../src/core/segment.ts'
import { parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryOptions, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

export const NOW = parseInstant('2026-03-01T00:00:00Z')
const MINUTE = 60_000_000
const USERS = ['ann', 'bob', 'eve']

/** Beside the newest click, how many there were: an event counted twice shows. */
export const COUNTED_CLICKS: DefinitionSetInput = {
  ...CLICKS,
  feature_views: [
    { ...CLICKS.feature_views![0]!, ttl: '1h' },
    CLICKS.feature_views![1]!,
    {
      name: 'spent',
      entity: 'user',
      source: 'clicks',
      aggregations: [
        { name: 'clicks', function: 'count', sql: 'price', windows: ['1h'] },
        { name: 'total', function: 'sum', sql: 'price', windows: ['1h'] },
      ],
    },
  ],
  feature_services: [{ name: 'spender', features: [{ view: 'last_click' }, { view: 'spent' }] }],
}

/** How the file is cut: its row groups are the chunks, and the price of a row is its number. */
export interface ClicksFile {
  readonly chunks: number
  readonly rowsPerChunk: number
}

/** Rows without a user, which are bad, are named by their numbers. */
export function clicksFile(
  { chunks, rowsPerChunk }: ClicksFile,
  badRows: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const columns = [
    { name: 'at', type: 'timestamp' },
    { name: 'made', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'item', type: 'int64' },
    { name: 'price', type: 'int64' },
  ] as const
  const writer = createParquetWriter(columns)
  for (let chunk = 0; chunk < chunks; chunk++) {
    const rows = Array.from({ length: rowsPerChunk }, (_, at) => chunk * rowsPerChunk + at)
    const times = rows.map((row) => NOW - 10 * MINUTE + row)
    writer.write([
      times,
      times,
      rows.map((row) => (badRows.includes(row) ? null : USERS[row % USERS.length]!)),
      rows.map(BigInt),
      rows.map(BigInt),
    ])
  }
  return new Uint8Array(writer.finish())
}

/** A store in which such a file has landed as `a.parquet`. */
export async function clicksStore(
  file: Uint8Array<ArrayBuffer>,
  options: MemoryOptions = {},
): Promise<MemoryPlatform> {
  const platform = memoryPlatform(NOW, options)
  await applyClicks(platform, COUNTED_CLICKS)
  platform.land('clicks', 'a.parquet', file)
  return platform
}

/** What is served, and the row numbers that the log of each view, and the raw one (^), holds. */
export async function readOutcome(platform: MemoryPlatform) {
  const { rows } = await serveFeatures(platform, 'spender', {
    parseRows: (service) =>
      parseEntities(
        service,
        USERS.map((user) => ({ user })),
      ),
    features: undefined,
    consistency: 'strong',
  })
  const logged: Record<string, number[]> = {}
  for (const { path, view, version } of platform.manifest.values()) {
    const bytes = platform.objects.get(path)!
    const file = await openSegment(new Uint8Array(bytes).buffer, { keys: [], features: [] }, path)
    // The price of a row is its number; the raw log has no column for the latter by this name.
    const name = view.startsWith('^') ? 'price' : 'sequence_index'
    const indexes = (await file.readColumn(name, 0, file.rowCount)) as ArrayLike<bigint>
    const log = version > 1 ? `${view}@${version}` : view
    logged[log] = [...(logged[log] ?? []), ...Array.from(indexes, Number)].sort((a, b) => a - b)
  }
  return { served: rows.map(valuesOf), logged }
}

/** What a reader of the file would say. */
export function wantedOutcome({ chunks, rowsPerChunk }: ClicksFile): Awaited<ReturnType<typeof readOutcome>> {
  const all = Array.from({ length: chunks * rowsPerChunk }, (_, row) => row)
  const served = USERS.map((_, user) => {
    const own = all.filter((row) => row % USERS.length === user)
    return [own.at(-1)!, own.length, own.reduce((sum, row) => sum + row, 0)].map(String)
  })
  return { served, logged: { '^clicks': all, last_click: all, last_sale: all, spent: all } }
}
