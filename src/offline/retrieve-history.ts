import { encodeKey } from '../core/entity-key.ts'
import type { FeatureStatus } from '../core/feature-status.ts'
import type { NamedType } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import type { Platform } from '../platform.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { computeColumns } from './compute-columns.ts'
import { joinView, type ViewAnswers } from './join-view.ts'
import { joinWindows } from './join-windows.ts'
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

/** Joins labels with every view of a service, one view after another, so that memory holds one view's log at a time. */
export async function retrieveHistory(
  platform: Platform,
  { snapshot, service }: ResolvedService,
  { labels, asOf, isKnowledgeCutoff }: HistoryOptions & { readonly labels: Labels },
): Promise<History> {
  const keysByLookup = service.lookups.map(({ entity, inputs }) => {
    const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
    return labels.inputs.map((values) =>
      encodeKey(
        types,
        inputs.map((input) => values[input]!),
      ),
    )
  })
  const answers: ViewAnswers[] = []
  for (const { view, lookup, features } of service.entries) {
    const wanted = { keys: keysByLookup[lookup]!, times: labels.times, features, asOf, isKnowledgeCutoff }
    const { windows } = snapshot.views[view]!
    const joined = { snapshot, view: snapshot.views[view]! }
    answers.push(
      windows === null
        ? await joinView(platform, joined, wanted)
        : await joinWindows(platform, { ...joined, windows }, wanted),
    )
  }
  const { onDemand } = service
  const parts =
    onDemand === null ? answers : computeColumns(snapshot, onDemand, { inputs: labels.inputs, answers })
  const values = parts.flatMap((part) => part.values)
  const statuses = parts.flatMap((part) => part.statuses)
  return {
    columns: [...labels.columns, ...service.features],
    rows: labels.rows.map((row, label) => [...row, ...values.map((column) => column[label]!)]),
    statuses: labels.rows.map((_, label) => statuses.map((column) => column[label]!)),
  }
}
