import { beforeEach, describe, expect, it } from 'vitest'
import { cancelJob } from '../../src/batch/cancel-job.ts'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { CHUNK_BYTES_MAX } from '../../src/batch/load-plan.ts'
import { planChunks } from '../../src/batch/plan-load.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
import { type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { parseInstant } from '../../src/core/time.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const ROWS = 90
/** As many rows in one row group as make two chunks of it. */
const WIDE_BYTES = Math.ceil((CHUNK_BYTES_MAX * 1.2) / ROWS)

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(NOW)
  await applyClicks(platform)
})

/** Clicks of one user; with a wide column, which the source does not declare, their one row group is over the bound. */
function clicks(price: number, { isWide }: { readonly isWide: boolean }): Uint8Array {
  const column = (name: string, type: ParquetColumn['type'], value: (row: number) => unknown) =>
    ({ name, type, values: Array.from({ length: ROWS }, (_, row) => value(row)) }) as ParquetColumn
  const time = (row: number) => NOW - 60_000_000 + row
  return writeParquet([
    column('at', 'timestamp', time),
    column('made', 'timestamp', time),
    column('user', 'string', () => 'ann'),
    column('item', 'int64', () => 1n),
    column('price', 'int64', (row) => BigInt(price + row)),
    ...(isWide ? [column('wide', 'bytes', (row) => new Uint8Array(WIDE_BYTES).fill(row))] : []),
  ])
}

/** Made once: it takes longer than its load. */
const WIDE = clicks(7, { isWide: true })

async function served(): Promise<readonly string[]> {
  platform.memory.blocks.entries.clear()
  const { rows } = await serveFeatures(platform, 'ranker', {
    parseRows: (service) => parseEntities(service, [{ user: 'ann', item: 1 }]),
    features: undefined,
    consistency: 'strong',
  })
  return valuesOf(rows[0]!)
}

/** Begins the load of what has landed, to its end where jobs run; answers its id. */
async function begin(): Promise<string> {
  const [load] = await startLoads(platform, 'clicks', { badRowsMax: 0 })
  return load!.id
}

/** Rows of the views' logs; the raw log of the source holds each once more. */
const loggedRows = () =>
  [...platform.manifest.values()]
    .filter(({ path }) => path.startsWith('log/'))
    .reduce((sum, { rowCount }) => sum + rowCount, 0)
const kept = () => [...platform.objects.keys()].filter((path) => path.startsWith('loads/'))

/** Does something once the first chunk of any load has been written. */
function afterFirstChunk(work: (id: string) => void | Promise<void>): void {
  const { writeChunk } = platform.loads
  Object.assign(platform.loads, {
    async writeChunk(...given: Parameters<typeof writeChunk>) {
      await writeChunk(...given)
      if (given[2].chunk === 0) await work(given[0])
    },
  })
}

describe('a load', () => {
  it('of a row group larger than a chunk may be reads it in parts', async () => {
    platform.land('clicks', 'a.parquet', WIDE)
    const id = await begin()
    const report = await describeLoad(platform, id)
    expect(report).toMatchObject({ status: 'succeeded', rows: { read: ROWS, written: ROWS } })
    expect(await platform.loads.listChunks(id)).toHaveLength(2)
    expect(await served()).toEqual(['96', '96'])
  })

  it('of a row larger than a chunk may be is planned as that one row', () => {
    const rowGroups = [{ rowStart: 0, rowEnd: 2, bytes: CHUNK_BYTES_MAX * 10, bounds: () => undefined }]
    expect(planChunks(rowGroups, 5)).toEqual([
      { rowStart: 0, rowEnd: 1, text: null },
      { rowStart: 1, rowEnd: 2, text: null },
    ])
  })

  it('whose file is replaced on the way fails by name, nothing of it shows, and the new file is loaded (S9)', async () => {
    platform.land('clicks', 'a.parquet', WIDE)
    let isReplaced = false
    afterFirstChunk(() => {
      if (!isReplaced) platform.land('clicks', 'a.parquet', clicks(500, { isWide: false }))
      isReplaced = true
    })
    const id = await begin()
    expect(await describeLoad(platform, id)).toMatchObject({
      status: 'failed',
      error: 'Cannot go on reading "landing/clicks/a.parquet": the file was replaced meanwhile',
    })
    expect(loggedRows()).toBe(0)
    expect(kept()).toEqual([])
    expect(await served()).toEqual(['null', 'null'])
    expect(await startDueLoads(platform)).toBe('loads: 1 begun')
    expect(await served()).toEqual(['589', '589'])
  })

  it('of one file begun twice at once is one load, whose rows are there once (S9)', async () => {
    const [user] = CLICKS.entities!
    await applyClicks(platform, {
      ...CLICKS,
      entities: CLICKS.entities,
      feature_views: [
        ...CLICKS.feature_views!,
        {
          name: 'spending',
          entity: user!.name,
          source: 'clicks',
          aggregations: [{ name: 'clicks', function: 'count', sql: 'price', windows: ['1h'] }],
        },
      ],
      feature_services: [{ name: 'ranker', features: [{ view: 'spending' }, { view: 'last_sale' }] }],
    })
    platform.land('clicks', 'a.parquet', WIDE)
    const begun = await Promise.all([
      startLoads(platform, 'clicks', { files: ['a.parquet'], badRowsMax: 0 }),
      startLoads(platform, 'clicks', { badRowsMax: 0 }),
      startDueLoads(platform),
    ])
    expect(begun[0][0]!.id).toBe(begun[1][0]!.id)
    expect(await platform.loads.list('clicks')).toMatchObject([{ status: 'succeeded' }])
    expect(loggedRows()).toBe(3 * ROWS)
    expect(await served()).toEqual([String(ROWS), '96'])
  })

  it('that is cancelled on the way leaves nothing, neither in history nor of what it kept', async () => {
    platform.land('clicks', 'a.parquet', WIDE)
    afterFirstChunk(async (id) => {
      expect(kept()).not.toEqual([])
      await cancelJob(platform, id)
      expect(kept()).toEqual([])
    })
    const id = await begin()
    expect(await platform.loads.find(id)).toMatchObject({ status: 'cancelled' })
    expect(kept()).toEqual([])
    expect(loggedRows()).toBe(0)
    expect(await startDueLoads(platform)).toBeUndefined()
  })

  it('that is cancelled while nothing runs it removes what it kept', async () => {
    platform.land('clicks', 'a.parquet', WIDE)
    Object.assign(platform.jobs, { start: async () => {}, stop: async () => {} })
    const id = await begin()
    await platform.loads.writeNewest(id, { generation: 0, chunk: 0 }, 'rows')
    await platform.loads.writePlan(id, 0, '{}')
    await cancelJob(platform, id)
    expect(kept()).toEqual([])
  })
})

describe('a load of a Parquet file', () => {
  const load = async (bytes: Uint8Array) => {
    platform.land('clicks', 'a.parquet', bytes)
    const id = await begin()
    return describeLoad(platform, id)
  }

  it('cut short anywhere fails and leaves nothing', async () => {
    const bytes = clicks(7, { isWide: false })
    for (const length of [0, 4, 11, 12, bytes.length >> 1, bytes.length - 1]) {
      const why =
        length < 12
          ? `it has ${length} bytes, a Parquet file has at least 12`
          : 'parquet file invalid (footer != PAR1)'
      expect(await load(bytes.slice(0, length))).toMatchObject({
        status: 'failed',
        error: `Cannot read file "a.parquet" as Parquet: ${why}`,
      })
    }
    expect(loggedRows()).toBe(0)
    expect(kept()).toEqual([])
  })
})
