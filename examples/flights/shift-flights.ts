import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asyncBufferFromFile } from 'hyparquet'
import { openParquet, writeParquet } from '../../src/core/parquet.ts'
import type { Value } from '../../src/core/value.ts'

/** Flights by column, in file order; times in microseconds since the epoch. */
export interface Flights {
  readonly date: readonly number[]
  readonly delay: readonly (bigint | null)[]
  readonly distance: readonly (bigint | null)[]
  readonly origin: readonly string[]
  readonly destination: readonly string[]
}

/** The copy, cut into the parts in which it arrives; no flight is in two of them. */
export interface FlightParts {
  /** The very newest flights, for the push door. */
  readonly live: Flights
  /** The newest days: they alone decide what is served now, so they are loaded first. */
  readonly recent: Flights
  readonly earlier: Flights
}

const DAY_US = 86_400_000_000
const RECENT_DAYS = 10
const LIVE_ROWS = 5

/** The 3,000,000 flights of January to June 2001, in the order of time, as they stand in the npm package `vega-datasets`. */
export async function readFlights(rowCountMax = Number.POSITIVE_INFINITY): Promise<Flights> {
  const path = join(import.meta.dirname, '../../node_modules/vega-datasets/data/flights-3m.parquet')
  const file = await openParquet(await asyncBufferFromFile(path), 'flights-3m.parquet')
  const columns: Record<string, unknown[]> = {}
  for (const { name } of file.columns) {
    const values: unknown[] = []
    for (const { rowStart, rowEnd } of file.rowGroups) {
      if (rowStart >= rowCountMax) break
      const part = await file.readColumn(name, rowStart, Math.min(rowEnd, rowCountMax))
      for (let at = 0; at < part.length; at++) values.push(part[at])
    }
    columns[name] = values
  }
  return columns as unknown as Flights
}

/** Moves all times by one constant of whole minutes, so that the last flight lands just before `nowMs`. */
export function shiftFlights(
  flights: Flights,
  nowMs: number,
): { readonly flights: Flights; readonly shiftUs: number } {
  const newest = flights.date.reduce((a, b) => Math.max(a, b))
  const shiftUs = Math.floor(nowMs / 60_000) * 60_000_000 - newest
  return { flights: { ...flights, date: flights.date.map((time) => time + shiftUs) }, shiftUs }
}

export function splitFlights(flights: Flights): FlightParts {
  const { date } = flights
  const newest = date.reduce((a, b) => Math.max(a, b))
  const boundary = newest - RECENT_DAYS * DAY_US
  const rows = Array.from(date, (_, at) => at)
  const recent = rows.filter((at) => date[at]! > boundary).sort((a, b) => date[a]! - date[b]! || a - b)
  const live = recent.splice(-LIVE_ROWS)
  return {
    live: pickFlights(flights, live),
    recent: pickFlights(flights, recent),
    earlier: pickFlights(
      flights,
      rows.filter((at) => date[at]! <= boundary),
    ),
  }
}

/** Writes a landing file, aside first, so that a file of this name is always whole. */
export async function writeFlights(path: string, flights: Flights): Promise<void> {
  const bytes = writeParquet([
    { name: 'date', type: 'timestamp', values: flights.date },
    { name: 'delay', type: 'int64', values: flights.delay },
    { name: 'distance', type: 'int64', values: flights.distance },
    { name: 'origin', type: 'string', values: flights.origin },
    { name: 'destination', type: 'string', values: flights.destination },
  ])
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.part`, bytes)
  await rename(`${path}.part`, path)
}

function pickFlights(flights: Flights, rows: readonly number[]): Flights {
  const pick = <T extends Value>(values: readonly T[]) => rows.map((at) => values[at]!)
  return {
    date: pick(flights.date),
    delay: pick(flights.delay),
    distance: pick(flights.distance),
    origin: pick(flights.origin),
    destination: pick(flights.destination),
  }
}
