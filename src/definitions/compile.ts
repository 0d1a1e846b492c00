import type { NamedType } from '../core/segment.ts'
import { parseDuration } from '../core/time.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { Entity } from './entity.ts'
import type { FeatureService } from './feature-service.ts'
import type { FeatureView } from './feature-view.ts'
import type {
  CompiledEntity,
  CompiledEntry,
  CompiledLookup,
  CompiledService,
  CompiledSource,
  CompiledView,
  Snapshot,
} from './snapshot.ts'
import type { Source } from './source.ts'
import { columnOf } from './unsupported.ts'
import { inputName } from './validate.ts'

/** Blocks of an entity are at least 2^10: about 100 rows a block at 100,000 entities. */
const BLOCK_BITS_MIN = 10

/** Compiles a set in which `findProblems` found none. `versions` gives the version of every feature view. */
export function compileDefinitions(
  set: DefinitionSet,
  versions: Readonly<Record<string, number>>,
  generation: number,
): Snapshot {
  const views = set.feature_views.map((view) => compileView(set, view, versions[view.name]!))
  const viewsByName = byName(views)
  return {
    format: 1,
    generation,
    entities: byName(set.entities.map((entity) => compileEntity(entity, set, viewsByName))),
    sources: byName(set.sources.map((source) => compileSource(source, views))),
    views: viewsByName,
    services: byName(set.feature_services.map((service) => compileService(service, set, viewsByName))),
  }
}

function compileEntity(
  { name, join_keys, shards }: Entity,
  set: DefinitionSet,
  views: Readonly<Record<string, CompiledView>>,
): CompiledEntity {
  const own = set.feature_views
    .filter((view) => view.entity === name)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const shardBits = Math.log2(shards)
  return {
    name,
    joinKeys: join_keys.map((key) => ({ name: key.name, type: key.type })),
    shardBits,
    blockBits: Math.max(shardBits, BLOCK_BITS_MIN),
    bucketBits: Math.max(shardBits, 1),
    views: own.map((view) => views[view.name]!.id),
    // KV takes one put a second per key.
    publishMs: Math.max(1_000, Math.min(...own.map(({ publish }) => parseDuration(publish) / 1_000), 60_000)),
  }
}

function compileSource(source: Source, views: readonly CompiledView[]): CompiledSource {
  const position = (column: string) => source.schema.findIndex(({ name }) => name === column)
  return {
    name: source.name,
    columns: source.schema.map(({ name, type, required, unit }) => ({
      name,
      type,
      required,
      unit: unit ?? null,
    })),
    eventTime: position(source.event_time),
    createdTime: source.created_time === null ? null : position(source.created_time),
    landingFormat: source.landing === null ? null : 'parquet',
    views: views.filter((view) => view.source === source.name).map(({ name }) => name),
  }
}

function compileView(set: DefinitionSet, view: FeatureView, version: number): CompiledView {
  const entity = set.entities.find(({ name }) => name === view.entity)!
  const source = set.sources.find(({ name }) => name === view.source)!
  const position = (sql: string) => source.schema.findIndex(({ name }) => name === columnOf(sql))
  return {
    id: `${view.name}@${version}`,
    name: view.name,
    version,
    entity: view.entity,
    source: view.source,
    keyColumns: entity.join_keys.map(({ name }) => position(view.join_keys[name] ?? name)),
    features: view.features!.map(({ name, type, sql }) => ({ name, type, column: position(sql) })),
    ttlUs: view.ttl === undefined ? null : parseDuration(view.ttl),
    retentionUs: source.retention === undefined ? null : parseDuration(source.retention),
  }
}

function compileService(
  service: FeatureService,
  set: DefinitionSet,
  views: Readonly<Record<string, CompiledView>>,
): CompiledService {
  const inputs: NamedType[] = []
  const lookups: CompiledLookup[] = []
  const entries: CompiledEntry[] = []
  const features: NamedType[] = []
  for (const entry of service.features) {
    const view = views[entry.view]!
    const entity = set.entities.find(({ name }) => name === view.entity)!
    const positions = entity.join_keys.map(({ name, type }) => {
      const input = inputName(entry, name)
      const at = inputs.findIndex((known) => known.name === input)
      return at >= 0 ? at : inputs.push({ name: input, type }) - 1
    })
    const taken = entry.features ?? view.features.map(({ name }) => name)
    const taking = taken.map((name) => view.features.findIndex((feature) => feature.name === name))
    entries.push({
      view: view.name,
      lookup: lookupOf(lookups, { entity: entity.name, inputs: positions }),
      features: taking,
      isWhole: taking.length === view.features.length && taking.every((feature, at) => feature === at),
    })
    features.push(
      ...taking.map((at) => ({
        name: entry.prefix + view.features[at]!.name,
        type: view.features[at]!.type,
      })),
    )
  }
  return { name: service.name, inputs, lookups, entries, features }
}

/** Two entries that name the same entity by the same inputs share one lookup. */
function lookupOf(lookups: CompiledLookup[], wanted: CompiledLookup): number {
  const found = lookups.findIndex(
    ({ entity, inputs }) => entity === wanted.entity && inputs.join() === wanted.inputs.join(),
  )
  return found >= 0 ? found : lookups.push(wanted) - 1
}

function byName<T extends { readonly name: string }>(definitions: readonly T[]): Record<string, T> {
  return Object.fromEntries(definitions.map((definition) => [definition.name, definition]))
}
