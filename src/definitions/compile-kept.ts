import { parseDuration } from '../core/time.ts'
import { columnsRead, compileView } from './compile-view.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureView } from './feature-view.ts'
import type { CompiledView } from './snapshot.ts'
import type { Source } from './source.ts'
import { parseViewId, type Transition } from './transition.ts'

/** A view, how often its blocks may be put, and whether rows still reach it. */
export interface PlacedView {
  readonly view: CompiledView
  readonly publishMs: number
  /** False for an older version of which the source has lost a column: it stays as it is. */
  readonly isComputed: boolean
}

/** Which older versions there are, and the definitions of their generations. */
interface KeptVersions {
  readonly transition?: Pick<Transition, 'kept'>
  readonly formers?: ReadonlyMap<number, DefinitionSet>
}

/**
 * Older versions that are kept up, from the definitions of their generation, over the source as it is now. One whose columns the
 * source no longer has as they were is kept as it stands; one whose entity is gone is not kept at all.
 */
export function compileKept(set: DefinitionSet, { transition, formers }: KeptVersions): PlacedView[] {
  return Object.entries(transition?.kept ?? {}).flatMap(([id, generation]): PlacedView[] => {
    const { name, version } = parseViewId(id)
    const former = formers?.get(generation)
    const view = former?.feature_views.find((one) => one.name === name)
    if (former === undefined || view === undefined) return []
    if (!set.entities.some((entity) => entity.name === view.entity)) return []
    const publishMs = parseDuration(view.publish) / 1_000
    const frozen = { view: compileView(former, view, version), publishMs, isComputed: false }
    const [then, now] = [former, set].map((one) => one.sources.find((source) => source.name === view.source))
    if (then === undefined || now === undefined || !isComputable(frozen, view, { then, now })) return [frozen]
    return [{ view: compileView(set, view, version), publishMs, isComputed: true }]
  })
}

/** Whether the source still gives what the view is made of, meaning the same. */
function isComputable(
  { view: compiled }: PlacedView,
  { aggregations }: FeatureView,
  { then, now }: { readonly then: Source; readonly now: Source },
): boolean {
  const hasSameTimes = then.event_time === now.event_time && then.created_time === now.created_time
  const hasSameEvents = aggregations === undefined || then.event_id === now.event_id
  const columns = columnsRead(compiled, then)
  return (
    hasSameTimes &&
    hasSameEvents &&
    columns.every(({ name, type }) =>
      now.schema.some((column) => column.name === name && column.type === type),
    )
  )
}
