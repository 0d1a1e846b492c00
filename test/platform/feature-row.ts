import type { FeatureStatus } from '../../src/core/feature-status.ts'
import { splitCells } from '../../src/core/value.ts'
import type { FeatureRow } from '../../src/online/read-features.ts'

/** The JSON text of each value of a row, feature by feature. */
export function valuesOf({ values }: FeatureRow): string[] {
  return splitCells(values.join())
}

export function statusesOf({ statuses }: FeatureRow): FeatureStatus[] {
  return JSON.parse(`[${statuses}]`)
}
