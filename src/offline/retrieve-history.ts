import { statusAt, valueAt } from '../core/feature-column.ts'
import type { FeatureStatus } from '../core/feature-status.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { encodeValue } from '../core/value.ts'
import type { Platform } from '../platform.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { joinPartition } from './join-partition.ts'
import type { Labels } from './parse-labels.ts'

export interface HistoryOptions {
  /** Only rows ingested at or before this instant. */
  readonly asOf: Instant | undefined
  /** Only rows created at or before each label's time. */
  readonly isKnowledgeCutoff: boolean
}

/** Label rows with the features of a service as they stood at each label's time. */
export interface History {
  /** Label columns first, then features. */
  readonly columns: readonly NamedType[]
  /** JSON texts, in label order; one row a label, never more, never fewer (S21). */
  readonly rows: readonly (readonly string[])[]
  /** Of the features. */
  readonly statuses: readonly (readonly FeatureStatus[])[]
}

/** Joins label rows with the features of a service: the same join that makes training datasets, on few labels. */
export async function retrieveHistory(
  platform: Platform,
  resolved: ResolvedService,
  { labels, asOf, isKnowledgeCutoff }: HistoryOptions & { readonly labels: Labels },
): Promise<History> {
  const { service } = resolved
  const columns = {
    times: labels.times,
    inputs: service.inputs.map((_, input) => labels.inputs.map((values) => values[input]!)),
  }
  const features = await joinPartition(platform, resolved, columns, {
    asOf,
    commit: undefined,
    isKnowledgeCutoff,
  })
  return {
    columns: [...labels.columns, ...service.features],
    rows: labels.rows.map((row, label) => [
      ...row,
      ...features.map((feature) => encodeValue(feature.type, valueAt(feature, label))),
    ]),
    statuses: labels.rows.map((_, label) => features.map((feature) => statusAt(feature, label))),
  }
}
