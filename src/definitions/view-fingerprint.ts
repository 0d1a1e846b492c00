import { columnsRead, compileView } from './compile-view.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureView } from './feature-view.ts'
import { fingerprint } from './fingerprint.ts'

/**
 * Fingerprint of all that decides a view's values (S33): when it changes, the view has a new version.
 * Descriptions, owners, tags, ttl, freshness and publishing change no stored value, nor do columns of the source that the
 * view does not read. `view` belongs to `set`, which is valid.
 */
export function viewFingerprint(set: DefinitionSet, view: FeatureView): string {
  const entity = set.entities.find(({ name }) => name === view.entity)!
  const source = set.sources.find(({ name }) => name === view.source)!
  return fingerprint({
    entity: entity.name,
    keys: entity.join_keys,
    source: source.name,
    event_time: source.event_time,
    created_time: source.created_time,
    columns: columnsRead(compileView(set, view, 1), source).map(({ name, type, unit }) => ({
      name,
      type,
      unit,
    })),
    join_keys: entity.join_keys.map(({ name }) => view.join_keys[name] ?? name),
    where: view.where,
    features: view.features?.map(({ name, type, sql }) => ({ name, type, sql })),
    event_id: view.aggregations === undefined ? undefined : source.event_id,
    aggregations: view.aggregations?.map(({ description: _description, ...values }) => values),
    transform: view.transform,
  })
}
