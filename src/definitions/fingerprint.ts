import { hash128 } from '../core/hash.ts'
import { canonicalJson, encodeAsciiString } from '../core/json.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureView } from './feature-view.ts'
import type { OnDemandView } from './on-demand-view.ts'

/** 128 bits in hex of anything that is JSON; equal for equal content, whatever the order of its members. */
export function fingerprint(content: unknown): string {
  return hash128(encodeAsciiString(canonicalJson(content)))
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}

/**
 * Fingerprint of all that decides a view's values (S33): when it changes, the view has a new version.
 * Descriptions, owners, tags, ttl, freshness and publishing change no stored value. `view` belongs to `set`,
 * which is valid.
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
    columns: source.schema.map(({ name, type, unit }) => ({ name, type, unit })),
    join_keys: entity.join_keys.map(({ name }) => view.join_keys[name] ?? name),
    where: view.where,
    features: view.features?.map(({ name, type, sql }) => ({ name, type, sql })),
    event_id: view.aggregations === undefined ? undefined : source.event_id,
    aggregations: view.aggregations?.map(({ description: _description, ...values }) => values),
    transform: view.transform,
  })
}

/** Fingerprint of all that decides what an on-demand view takes and gives; descriptions, owners and tags do not. */
export function onDemandFingerprint({ inputs, features }: OnDemandView): string {
  return fingerprint({ inputs, features: features.map(({ name, type, sql }) => ({ name, type, sql })) })
}
