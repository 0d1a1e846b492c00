import type { NamedType } from '../core/segment.ts'
import { checkExpression } from '../core/sql/check-expression.ts'
import { parseDuration } from '../core/time.ts'
import { addOnDemand, compileOnDemandView } from './compile-on-demand.ts'
import { compileWindows } from './compile-windows.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { Entity } from './entity.ts'
import type { FeatureService } from './feature-service.ts'
import type { FeatureView } from './feature-view.ts'
import { readableColumns, returnedFields } from './returned-fields.ts'
import {
  type CompiledEntity,
  type CompiledEntry,
  type CompiledLookup,
  type CompiledService,
  type CompiledSource,
  type CompiledView,
  type LandingFormat,
  SNAPSHOT_FORMAT,
  type Snapshot,
} from './snapshot.ts'
import type { Landing, Source } from './source.ts'
import { inputName, keySql } from './validate.ts'
import { windowPlan } from './view-transform.ts'

/** A group has at least 2^10 blocks: about 100 keys a block at 100,000 entities. */
export const BLOCK_BITS_MIN = 10

/** The groups of views that name none: of latest-row views and of windowed ones. */
const MAIN_GROUP = 'main'
const WINDOWS_GROUP = 'windows'

/** What a generation fixes beside the definitions themselves. */
export interface CompileOptions {
  readonly generation: number
  /** The version of every feature view. */
  readonly versions: Readonly<Record<string, number>>
  /**
   * Block bits of the groups that have grown (`groupName`); the others have what their entity starts with.
   */
  readonly blockBits: Readonly<Record<string, number>>
}

/** Names a group of blocks among all. */
export function groupName(entity: string, group: string): string {
  return `${entity}/${group}`
}

/** Compiles a set in which `findProblems` found none. */
export function compileDefinitions(set: DefinitionSet, options: CompileOptions): Snapshot {
  const { generation, versions } = options
  const views = set.feature_views.map((view) => compileView(set, view, versions[view.name]!))
  const viewsByName = byName(views)
  const onDemandViews = byName(set.on_demand_views.map(compileOnDemandView))
  const entities = byName(set.entities.map((entity) => compileEntity(entity, set, options)))
  return {
    format: SNAPSHOT_FORMAT,
    generation,
    entities,
    sources: byName(set.sources.map((source) => compileSource(source, views))),
    views: Object.fromEntries(views.map((view) => [view.id, view])),
    onDemandViews,
    services: byName(
      set.feature_services.map((service) =>
        addOnDemand(compileService(service, entities, viewsByName), service, onDemandViews),
      ),
    ),
  }
}

function compileEntity(entity: Entity, set: DefinitionSet, options: CompileOptions): CompiledEntity {
  const { name, join_keys, shards } = entity
  const own = set.feature_views
    .filter((view) => view.entity === name)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const shardBits = Math.log2(shards)
  return {
    name,
    joinKeys: join_keys.map((key) => ({ name: key.name, type: key.type })),
    shardBits,
    bucketBits: Math.max(shardBits, 1),
    groups: groupNames(own).map((group) => {
      const views = own.filter((view) => groupOf(view) === group)
      return {
        name: group,
        blockBits: options.blockBits[groupName(name, group)] ?? Math.max(shardBits, BLOCK_BITS_MIN),
        views: views.map((view) => `${view.name}@${options.versions[view.name]}`),
        // KV takes one put a second per key.
        publishMs: Math.max(1_000, Math.min(...views.map(({ publish }) => parseDuration(publish) / 1_000))),
      }
    }),
  }
}

function groupNames(views: readonly FeatureView[]): string[] {
  return [...new Set(views.map(groupOf))].sort()
}

/** Tiles are large: windowed views do not swell the blocks of the others. */
export function groupOf({ block_group, aggregations }: FeatureView): string {
  return block_group ?? (aggregations === undefined ? MAIN_GROUP : WINDOWS_GROUP)
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
    landing: source.landing === null ? null : compileLanding(source.landing),
    expectations: source.expectations.map(({ name, sql, on_failure }) => ({
      name,
      onFailure: on_failure,
      expression: checkExpression(sql, source.schema, 'bool'),
    })),
    views: views.filter((view) => view.source === source.name).map(({ id }) => id),
  }
}

function compileLanding(landing: Landing): LandingFormat {
  const { format } = landing
  return format === 'csv'
    ? { kind: format, delimiter: landing.delimiter, header: landing.header }
    : { kind: format }
}

function compileView(set: DefinitionSet, view: FeatureView, version: number): CompiledView {
  const entity = set.entities.find(({ name }) => name === view.entity)!
  const source = set.sources.find(({ name }) => name === view.source)!
  const { schema } = source
  return {
    id: `${view.name}@${version}`,
    name: view.name,
    version,
    entity: view.entity,
    source: view.source,
    group: groupOf(view),
    where: view.where === undefined ? null : checkExpression(view.where, schema, 'bool'),
    keys: entity.join_keys.map(({ name, type }) => checkExpression(keySql(view, name), schema, type)),
    transform: view.transform === undefined ? null : { ...view.transform, returns: returnedFields(view) },
    ...compileRows(view, source),
    ttlUs: view.ttl === undefined ? null : parseDuration(view.ttl),
    retentionUs: source.retention === undefined ? null : parseDuration(source.retention),
  }
}

/** What rows of a view hold, and what it serves of them. */
function compileRows(
  view: FeatureView,
  source: Source,
): Pick<CompiledView, 'columns' | 'features' | 'windows'> {
  if (view.aggregations !== undefined) {
    const { columns, windows } = compileWindows(view, source)
    return { columns, features: windowPlan(windows).outputs, windows }
  }
  const readable = readableColumns(view, source)
  const columns = view.features!.map(({ name, type, sql }) => ({
    name,
    type,
    // A feature without SQL is the field of that name, which the view's Worker returns.
    expression: checkExpression(sql ?? `"${name}"`, readable, type),
  }))
  return { columns, features: columns.map(({ name, type }) => ({ name, type })), windows: null }
}

/** The service of the entries that name feature views. */
function compileService(
  service: FeatureService,
  entities: Readonly<Record<string, CompiledEntity>>,
  views: Readonly<Record<string, CompiledView>>,
): CompiledService {
  const inputs: NamedType[] = []
  const lookups: CompiledLookup[] = []
  const entries: CompiledEntry[] = []
  const features: NamedType[] = []
  for (const entry of service.features) {
    if (!Object.hasOwn(views, entry.view)) continue
    const view = views[entry.view]!
    const entity = entities[view.entity]!
    const positions = entity.joinKeys.map(({ name, type }) => {
      const input = inputName(entry, name)
      const at = inputs.findIndex((known) => known.name === input)
      return at >= 0 ? at : inputs.push({ name: input, type }) - 1
    })
    const taken = entry.features ?? view.features.map(({ name }) => name)
    const taking = taken.map((name) => view.features.findIndex((feature) => feature.name === name))
    entries.push({
      view: view.id,
      lookup: lookupOf(lookups, {
        entity: entity.name,
        group: entity.groups.findIndex(({ name }) => name === view.group),
        inputs: positions,
        views: [view.id],
      }),
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
  return { name: service.name, inputs, lookups: lookups.map(withAllViews), entries, features, onDemand: null }
}

/**
 * Two entries that name the same entity by the same inputs share one lookup, if they look into the same
 * blocks.
 */
function lookupOf(lookups: CompiledLookup[], wanted: CompiledLookup): number {
  const found = lookups.findIndex(
    ({ entity, group, inputs }) =>
      entity === wanted.entity && group === wanted.group && inputs.join() === wanted.inputs.join(),
  )
  if (found < 0) return lookups.push(wanted) - 1
  const { views, ...lookup } = lookups[found]!
  lookups[found] = { ...lookup, views: [...new Set([...views, ...wanted.views])] }
  return found
}

/** Blocks are shared by all lookups of one group: they have to hold the views of all of them. */
function withAllViews(lookup: CompiledLookup, _: number, all: readonly CompiledLookup[]): CompiledLookup {
  const sameBlocks = all.filter(({ entity, group }) => entity === lookup.entity && group === lookup.group)
  return { ...lookup, views: [...new Set(sameBlocks.flatMap(({ views }) => views))] }
}

function byName<T extends { readonly name: string }>(definitions: readonly T[]): Record<string, T> {
  return Object.fromEntries(definitions.map((definition) => [definition.name, definition]))
}
