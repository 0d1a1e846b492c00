import { invalid } from '../error.ts'
import { hash128 } from '../hash.ts'
import { encodeValue } from '../value.ts'
import type { SqlFunction } from './sql-function.ts'

/** Mean radius of the Earth (IUGG), in kilometres. */
const EARTH_RADIUS_KM = 6_371.0088
const BUCKETS_MAX = 2n ** 32n

/** Functions that features need often and DuckDB does not have. */
export const FEATURE_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['hash_bucket'],
    description: 'A bucket from 0 to n - 1, always the same for a value; n is at most 2^32.',
    overloads: [
      {
        signature: '(int64, int64) -> int64',
        evaluate: (x: bigint, n: bigint) => hashBucket(encodeValue('int64', x), n),
      },
      {
        signature: '(string, int64) -> int64',
        evaluate: (x: string, n: bigint) => hashBucket(encodeValue('string', x), n),
      },
    ],
  },
  {
    names: ['width_bucket'],
    description:
      'Which of n equal parts of low to high holds x, from 1; 0 below them and n + 1 above, as PostgreSQL.',
    overloads: [{ signature: '(float64, float64, float64, int64) -> int64', evaluate: widthBucket }],
  },
  {
    names: ['haversine_km'],
    syntax: 'haversine_km(lat1, lon1, lat2, lon2)',
    description: 'Great-circle distance of two places in degrees, on a sphere of radius 6371.0088 km.',
    overloads: [{ signature: '(float64, float64, float64, float64) -> float64', evaluate: haversineKm }],
  },
]

/** The first word of the 128-bit hash of the value's JSON text, as everywhere in the store. */
function hashBucket(text: string, buckets: bigint): bigint {
  if (buckets < 1n || buckets > BUCKETS_MAX) {
    throw invalid(`Cannot hash into ${buckets} buckets: 1 to 2^32 are possible`)
  }
  return BigInt(hash128(text)[0]) % buckets
}

function widthBucket(x: number, low: number, high: number, count: bigint): bigint {
  if (count < 1n || low === high || !Number.isFinite(low) || !Number.isFinite(high) || Number.isNaN(x)) {
    throw invalid(`Cannot find the bucket of ${x}: ${count} parts of ${low} to ${high} are no buckets`)
  }
  const isReversed = low > high
  if (isReversed ? x > low : x < low) return 0n
  if (isReversed ? x <= high : x >= high) return count + 1n
  const at = BigInt(Math.floor(Number(count) * ((x - low) / (high - low))))
  // Rounding must not push a value below the upper bound past the last part.
  return (at < count ? at : count - 1n) + 1n
}

/** 2 R asin(sqrt(sin²(Δlat/2) + cos(lat1) cos(lat2) sin²(Δlon/2))) */
function haversineKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const radians = Math.PI / 180
  const sinLat = Math.sin(((lat2 - lat1) * radians) / 2)
  const sinLon = Math.sin(((lon2 - lon1) * radians) / 2)
  const square = sinLat ** 2 + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * sinLon ** 2
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, square)))
}
