import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareWithDuckdb, DEFINITIONS } from '../../bench/flights-oracle.ts'
import { readFlights } from '../../examples/flights/shift-flights.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { startDataset } from '../../src/offline/start-dataset.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

/** Those of one day: many at one time and airport, and each label is an event itself. */
const FLIGHTS = 4_000

test('a dataset of real flights equals an independent query of DuckDB over the same files (S17, S19, S23)', async () => {
  const { date, delay, distance, origin, destination } = await readFlights(FLIGHTS)
  const flights = {
    date: { type: 'timestamp', values: date },
    delay: { type: 'int64', values: delay },
    distance: { type: 'int64', values: distance },
    origin: { type: 'string', values: origin },
    destination: { type: 'string', values: destination },
  } as const
  const file = writeParquet(Object.entries(flights).map(([name, column]) => ({ name, ...column })))
  const labels = writeParquet([
    { name: 'label', type: 'int64', values: date.map((_, at) => BigInt(at)) },
    { name: 'event_time', ...flights.date },
    { name: 'origin', ...flights.origin },
    { name: 'destination', ...flights.destination },
  ])
  const platform = memoryPlatform(Date.now() * 1_000, { datasetChunkRows: 4_096 })
  await applyClicks(platform, DEFINITIONS)
  platform.land('flights', 'flights.parquet', file)
  const [load] = await startLoads(platform, 'flights', { files: ['flights.parquet'], badRowsMax: 0 })
  expect(await platform.loads.find(load!.id)).toMatchObject({ status: 'succeeded' })
  await platform.files.put('labels/flights.parquet', labels)
  const { id } = await startDataset(platform, {
    name: 'flights',
    of: { kind: 'service', name: 'delays' },
    labels: { kind: 'file', path: 'labels/flights.parquet' },
    asOf: null,
    isKnowledgeCutoff: false,
    hasStatuses: false,
  })
  const { result } = (await platform.training.find(id))!
  expect(result!.rowCount).toBe(FLIGHTS)
  const folder = await mkdtemp(join(tmpdir(), 'featheredge-flights-'))
  const duckdb = await openDuckdb()
  try {
    const paths = { flights: join(folder, 'flights.parquet'), dataset: join(folder, 'dataset.parquet') }
    await writeFile(paths.flights, file)
    expect(result!.files).toHaveLength(1)
    await writeFile(paths.dataset, platform.objects.get(result!.files[0]!.path)!)
    expect(await compareWithDuckdb(duckdb, paths, 1)).toBe(FLIGHTS)
  } finally {
    duckdb.closeSync()
    await rm(folder, { recursive: true })
  }
})
