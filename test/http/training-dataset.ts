import type { Instant } from '../../src/core/time.ts'
import type { TrainingDataset } from '../../src/platform.ts'

/** A training dataset that was asked for and has not begun. */
export function trainingDataset(id: string, name: string, createdTime: Instant): TrainingDataset {
  return {
    id,
    name,
    request: {
      of: { kind: 'service', name: 'ranker' },
      labels: { kind: 'file', path: 'labels/a.parquet' },
      asOf: null,
      isKnowledgeCutoff: false,
      hasStatuses: false,
    },
    pins: null,
    result: null,
    touched: null,
    createdTime,
    schedule: null,
  }
}
