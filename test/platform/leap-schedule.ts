import type { DatasetSpec } from '../../src/offline/start-dataset.ts'
import type { Schedule } from '../../src/platform.ts'

const SPEC: DatasetSpec = {
  name: 'daily',
  of: { kind: 'service', name: 'ranker' },
  labels: { kind: 'file', path: 'labels/{date}.parquet' },
  asOf: null,
  isKnowledgeCutoff: false,
  hasStatuses: true,
}

/** A schedule as Cron finds it; once begun it is not due again before the test is over. */
export function leapSchedule(id: string, times: Pick<Schedule, 'createdTime' | 'nextTime'>): Schedule {
  return { id, name: SPEC.name, cron: '0 0 29 2 *', request: JSON.stringify(SPEC), leaseTime: 0, ...times }
}
