import { checkExpression } from '../core/sql/check-expression.ts'
import { parseDuration } from '../core/time.ts'
import { compileKept, type PlacedView } from './compile-kept.ts'
import { addOnDemand, compileOnDemandView } from './compile-on-demand.ts'
import { compileService } from './compile-service.ts'
import { compileView } from './compile-view.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { Entity } from './entity.ts'
import { onDemandFingerprint } from './fingerprint.ts'
import {
  type CompiledEntity,
  type CompiledOnDemandView,
  type CompiledService,
  type CompiledSource,
  type LandingFormat,
  SNAPSHOT_FORMAT,
  type Snapshot,
} from './snapshot.ts'
import type { Landing, Source } from './source.ts'
import { SETTLED, serviceViews, type Transition, type VersionNumbers, viewId } from './transition.ts'

/** A group has at least 2^10 blocks: about 100 keys a block at 100,000 entities. */
export const BLOCK_BITS_MIN = 10

/** What a generation fixes beside the definitions themselves. */
export interface CompileOptions {
  readonly generation: number
  /** The version of every feature view. */
  readonly versions: VersionNumbers
  /** Block bits of the groups that have grown (`groupName`); the others have what their entity starts with. */
  readonly blockBits: Readonly<Record<string, number>>
  /** By default everything is as the definitions say. */
  readonly transition?: Transition
  /** Definitions of the earlier generations that the transition names. */
  readonly formers?: ReadonlyMap<number, DefinitionSet>
}

/** Names a group of blocks among all. */
export function groupName(entity: string, group: string): string {
  return `${entity}/${group}`
}

/** Compiles a set in which `findProblems` found none. */
export function compileDefinitions(set: DefinitionSet, options: CompileOptions): Snapshot {
  const { generation, versions, transition = SETTLED, formers } = options
  const newest = set.feature_views.map((view): PlacedView => {
    const publishMs = parseDuration(view.publish) / 1_000
    return { view: compileView(set, view, versions[view.name]!), publishMs, isComputed: true }
  })
  const placed = [...newest, ...compileKept(set, options)]
  const views = Object.fromEntries(placed.map(({ view }) => [view.id, view]))
  const entities = byName(set.entities.map((entity) => compileEntity(entity, placed, options)))
  const onDemandViews = byName(set.on_demand_views.map(compileOnDemandView))
  const services: Record<string, CompiledService> = {}
  const pending: Record<string, readonly string[]> = {}
  for (const service of set.feature_services) {
    const { name } = service
    const held = transition.held[name]
    const former = held === undefined ? set : formers?.get(held.generation)
    const definition = former?.feature_services.find((one) => one.name === name)
    const read = held?.views ?? serviceViews(service, versions)
    const isReadable = Object.values(read).every((id) => Object.hasOwn(views, id))
    if (former === undefined || definition === undefined || !isReadable) {
      pending[name] = Object.values(serviceViews(service, versions)).filter((id) =>
        Object.hasOwn(transition.unfilled, id),
      )
      continue
    }
    const named = Object.fromEntries(Object.entries(read).map(([entry, id]) => [entry, views[id]!]))
    const computed =
      held === undefined
        ? onDemandViews
        : formerOnDemand(former, { set, generation: held.generation, all: onDemandViews })
    services[name] = addOnDemand(compileService(definition, entities, named), definition, computed)
  }
  const sources = byName(set.sources.map((source) => compileSource(source, placed)))
  return { format: SNAPSHOT_FORMAT, generation, entities, sources, views, onDemandViews, services, pending }
}

/**
 * The on-demand views of former definitions, by name. Those that have changed since are entered under a name of their own, for
 * the services that keep them.
 */
function formerOnDemand(
  former: DefinitionSet,
  {
    set,
    generation,
    all,
  }: {
    readonly set: DefinitionSet
    readonly generation: number
    readonly all: Record<string, CompiledOnDemandView>
  },
): Record<string, CompiledOnDemandView> {
  return Object.fromEntries(
    former.on_demand_views.map((view) => {
      const now = set.on_demand_views.find(({ name }) => name === view.name)
      if (now !== undefined && onDemandFingerprint(now) === onDemandFingerprint(view))
        return [view.name, all[view.name]!]
      const kept = { ...compileOnDemandView(view), name: viewId(view.name, generation) }
      all[kept.name] = kept
      return [view.name, kept]
    }),
  )
}

function compileEntity(
  entity: Entity,
  placed: readonly PlacedView[],
  options: CompileOptions,
): CompiledEntity {
  const { name, join_keys, shards } = entity
  const { unfilled } = options.transition ?? SETTLED
  const own = placed
    .filter(({ view }) => view.entity === name && !Object.hasOwn(unfilled, view.id))
    .toSorted((a, b) => (a.view.id < b.view.id ? -1 : 1))
  const shardBits = Math.log2(shards)
  const groups = [...new Set(own.map(({ view }) => view.group))].sort()
  return {
    name,
    joinKeys: join_keys.map((key) => ({ name: key.name, type: key.type })),
    shardBits,
    bucketBits: Math.max(shardBits, 1),
    groups: groups.map((group) => {
      const views = own.filter(({ view }) => view.group === group)
      return {
        name: group,
        blockBits: options.blockBits[groupName(name, group)] ?? Math.max(shardBits, BLOCK_BITS_MIN),
        views: views.map(({ view }) => view.id),
        // KV takes one put a second per key.
        publishMs: Math.max(1_000, Math.min(...views.map(({ publishMs }) => publishMs))),
      }
    }),
    unfilled: placed
      .map(({ view }) => view)
      .filter((view) => view.entity === name && Object.hasOwn(unfilled, view.id))
      .map(({ id }) => id),
  }
}

function compileSource(source: Source, placed: readonly PlacedView[]): CompiledSource {
  const position = (column: string) => source.schema.findIndex(({ name }) => name === column)
  return {
    name: source.name,
    shardBits: Math.log2(source.shards),
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
    views: placed
      .filter(({ view, isComputed }) => view.source === source.name && isComputed)
      .map(({ view }) => view.id),
  }
}

function compileLanding(landing: Landing): LandingFormat {
  const { format } = landing
  return format === 'csv'
    ? { kind: format, delimiter: landing.delimiter, header: landing.header }
    : { kind: format }
}

function byName<T extends { readonly name: string }>(definitions: readonly T[]): Record<string, T> {
  return Object.fromEntries(definitions.map((definition) => [definition.name, definition]))
}
