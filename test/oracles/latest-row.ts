import type { FeatureStatus } from '../../src/core/feature-status.ts'
import { compareStamps, type Stamp } from '../../src/core/row.ts'

/** One accepted row, as plainly as it can be said. */
export interface OracleRow extends Stamp {
  readonly key: string
  readonly value: bigint | null
}

export interface OracleRules {
  readonly ttlUs: number | null
  readonly asOf?: number | undefined
  readonly isKnowledgeCutoff?: boolean
}

/** The value at `at` by the letter of S2, S3, S5 and S6: look at every row, keep the best. */
export function oracleValue(
  rows: readonly OracleRow[],
  key: string,
  at: number,
  { ttlUs, asOf, isKnowledgeCutoff = false }: OracleRules,
): { readonly value: bigint | null; readonly status: FeatureStatus } {
  let best: OracleRow | undefined
  for (const row of rows) {
    if (row.key !== key || row.eventTime > at) continue
    if (asOf !== undefined && row.ingestTime > asOf) continue
    if (isKnowledgeCutoff && row.createdTime > at) continue
    if (best === undefined || compareStamps(row, best) > 0) best = row
  }
  if (best === undefined) return { value: null, status: 'missing' }
  if (ttlUs !== null && at - best.eventTime > ttlUs) return { value: null, status: 'expired' }
  return { value: best.value, status: best.value === null ? 'null' : 'present' }
}
