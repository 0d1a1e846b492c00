import { hash128 } from '../../core/hash.ts'
import { parseKeys } from '../../definitions/parse-keys.ts'
import type { JobRecord, Platform } from '../../platform.ts'
import type { Erased } from '../../registry/erased-keys.ts'
import { resolveEntity } from '../../registry/resolve-name.ts'

export interface Erasure {
  readonly entity: string
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/** What an erasure has done, as its job reports it. No value of a key stands in it. */
export interface ErasureReport {
  readonly entity: string
  /** Of the encoded keys: 128 bits in hex. */
  readonly key_hashes: readonly string[]
  /** What was removed, by where it was: keys of writers, rows of everything else. */
  readonly removed: Readonly<Record<string, number>>
  /** What is left to others, in words. */
  readonly notes: readonly string[]
}

/** What a job has to do; JSON in its record. The keys are forgotten when it has ended. */
export interface ErasureParams {
  readonly entity: string
  readonly keys: readonly string[]
  /** Sources whose raw rows are being erased: no fill is to read them meanwhile. */
  readonly rawSources: readonly string[]
  /** The landed file that was looked into last; null before the first. */
  readonly landed: LandedPosition | null
  readonly report: ErasureReport
}

export interface LandedPosition {
  readonly source: string
  readonly name: string
}

const NOTES = [
  "Cloudflare's own backups (D1 Time Travel, Durable Object point-in-time recovery) hold former states for 30 days",
  'Isolates may answer from their caches for 5 s, and KV for about 60 s',
  'Pages of SQLite that are free (D1, Durable Objects) hold what stood there until they are used again: the platform lets no Worker clean them',
]

/** Begins the erasure of keys (S11). Throws `not_found` for an unknown entity, `invalid_argument` for a bad key. */
export async function startErasure(platform: Platform, { entity: name, keys }: Erasure): Promise<string> {
  const { entity } = await resolveEntity(platform, name)
  const encoded = [...new Set(parseKeys(entity, keys))]
  const id = `erase-${platform.nextId()}`
  const now = platform.clock.now()
  const report = { entity: name, key_hashes: encoded.map(hashOf), removed: {}, notes: NOTES }
  const params: ErasureParams = { entity: name, keys: encoded, rawSources: [], landed: null, report }
  await platform.jobRecords.begin({
    id,
    kind: 'erase',
    subject: name,
    params: JSON.stringify(params),
    status: 'queued',
    done: 0,
    total: 0,
    error: null,
    startedTime: now,
    heartbeatTime: now,
  })
  await platform.jobs.start('erase', id)
  return id
}

/** The report of an erasure, from its job's record. */
export function erasureReport({ params }: Pick<JobRecord, 'params'>): ErasureReport {
  return (JSON.parse(params) as ErasureParams).report
}

/** Adds to the report what one place held. */
export async function noteErased(
  platform: Platform,
  id: string,
  { name, removed, notes }: Erased & { readonly name: string },
): Promise<void> {
  const { report, ...params } = await readErasure(platform, id)
  const before = report.removed[name] ?? 0
  const next: ErasureReport = {
    ...report,
    removed: { ...report.removed, [name]: before + removed },
    notes: [...new Set([...report.notes, ...notes])],
  }
  await updateErasure(platform, id, {
    params: JSON.stringify({ ...params, report: next } satisfies ErasureParams),
  })
}

/** What has ended, well or not, knows the keys no longer. */
export async function endErasure(
  platform: Platform,
  id: string,
  outcome: Pick<JobRecord, 'status'> & Partial<Pick<JobRecord, 'error'>>,
): Promise<null> {
  const params = await readErasure(platform, id)
  return updateErasure(platform, id, {
    ...outcome,
    params: JSON.stringify({ ...params, keys: [] } satisfies ErasureParams),
  })
}

export async function readErasure(platform: Platform, id: string): Promise<ErasureParams> {
  return JSON.parse((await platform.jobRecords.find(id))!.params) as ErasureParams
}

export async function updateErasure(
  platform: Platform,
  id: string,
  change: Partial<JobRecord>,
): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}

function hashOf(key: string): string {
  return hash128(key)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}
