import type { SegmentSchema } from '../core/segment.ts'
import { checkExpression } from '../core/sql/check-expression.ts'
import { parseDuration } from '../core/time.ts'
import { compileKept, type PlacedView } from './compile-kept.ts'
import { addOnDemand, compileOnDemandView } from './compile-on-demand.ts'
import { compileService } from './compile-service.ts'
import { compileView } from './compile-view.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { Entity } from './entity.ts'
import type { FeatureService } from './feature-service.ts'
import { onDemandFingerprint } from './fingerprint.ts'
import {
  type CompiledEntity,
  type CompiledOnDemandView,
  type CompiledService,
  type CompiledSource,
  type CompiledWindows,
  type EntityLayout,
  type LandingFormat,
  type ServedView,
  SNAPSHOT_FORMAT,
  type Snapshot,
  segmentSchema,
  type ViewFacts,
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
  /** What is compiled already; by default nothing is. */
  readonly others?: CompiledOthers
}

/** What the generation has beside the set that is compiled: an apply compiles no more than what it touches. */
export interface CompiledOthers {
  readonly entities: Snapshot['entities']
  readonly facts: Snapshot['facts']
  /** Those that services of the set read. */
  readonly views: Readonly<Record<string, ServedView>>
  /** Of the set's entities. */
  readonly layouts: Snapshot['layouts']
}

const NO_OTHERS: CompiledOthers = { entities: {}, facts: {}, views: {}, layouts: {} }

/** Names a group of blocks among all. */
export function groupName(entity: string, group: string): string {
  return `${entity}/${group}`
}

/** Compiles a set in which `findProblems` found none. */
export function compileDefinitions(set: DefinitionSet, options: CompileOptions): Snapshot {
  const { generation, versions, transition = SETTLED, formers, others = NO_OTHERS } = options
  const newest = set.feature_views.map((view): PlacedView => {
    const publishMs = parseDuration(view.publish) / 1_000
    return { view: compileView(set, view, versions[view.name]!), publishMs, isComputed: true }
  })
  const placed = [...newest, ...compileKept(set, options)]
  const views = Object.fromEntries(placed.map(({ view }) => [view.id, view]))
  const facts = { ...others.facts, ...Object.fromEntries(placed.map((one) => [one.view.id, factsOf(one)])) }
  const placedFacts = Object.entries(facts).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const entities = byName(set.entities.map((entity) => compileEntity(entity, placedFacts, options)))
  const allEntities = { ...others.entities, ...entities }
  const onDemandViews = byName(set.on_demand_views.map(compileOnDemandView))
  const services: Record<string, CompiledService> = {}
  const pending: Record<string, readonly string[]> = {}
  const readable: Readonly<Record<string, ServedView>> = { ...others.views, ...views }
  for (const service of set.feature_services) {
    const { name } = service
    const held = transition.held[name]
    const former = held === undefined ? set : formers?.get(held.generation)
    const definition = former?.feature_services.find((one) => one.name === name)
    const uses = service.features.map(({ view }) => view)
    const read = held?.views ?? serviceViews(uses, versions)
    const isReadable = Object.values(read).every((id) => Object.hasOwn(readable, id))
    if (former === undefined || definition === undefined || !isReadable) {
      pending[name] = Object.values(serviceViews(uses, versions)).filter((id) =>
        Object.hasOwn(transition.unfilled, id),
      )
      continue
    }
    const named = Object.fromEntries(Object.entries(read).map(([entry, id]) => [entry, readable[id]!]))
    const computed =
      held === undefined
        ? onDemandViews
        : formerOnDemand(former, definition, { set, generation: held.generation, all: onDemandViews })
    services[name] = addOnDemand(compileService(definition, allEntities, named), definition, computed)
  }
  const sources = byName(set.sources.map((source) => compileSource(source, placedFacts)))
  const layouts = compileLayouts({ entities, views }, others)
  const names = { sources: Object.keys(sources), services: Object.keys(services) }
  const compiled = { entities, sources, views, facts, layouts, onDemandViews, services, pending, names }
  return { format: SNAPSHOT_FORMAT, generation, ...compiled }
}

function factsOf({ view: { entity, source, group }, publishMs, isComputed }: PlacedView): ViewFacts {
  return { entity, source, group, publishMs, isComputed }
}

/** By id, in order. */
type PlacedFacts = readonly (readonly [id: string, facts: ViewFacts])[]

/**
 * The on-demand views of a former service's definition, by name. Those that have changed since are entered under a name of their own.
 */
function formerOnDemand(
  former: DefinitionSet,
  { features }: FeatureService,
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
  const named = former.on_demand_views.filter((view) => features.some((entry) => entry.view === view.name))
  return Object.fromEntries(
    named.map((view) => {
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
  { name, join_keys, shards }: Entity,
  placed: PlacedFacts,
  { transition = SETTLED, blockBits }: CompileOptions,
): CompiledEntity {
  const own = placed.filter(([, { entity }]) => entity === name)
  const isUnfilled = (id: string) => Object.hasOwn(transition.unfilled, id)
  const served = own.filter(([id]) => !isUnfilled(id))
  const shardBits = Math.log2(shards)
  const groups = [...new Set(served.map(([, { group }]) => group))].sort()
  return {
    name,
    joinKeys: join_keys.map((key) => ({ name: key.name, type: key.type })),
    shardBits,
    bucketBits: Math.max(shardBits, 1),
    groups: groups.map((group) => {
      const views = served.filter(([, facts]) => facts.group === group)
      return {
        name: group,
        blockBits: blockBits[groupName(name, group)] ?? Math.max(shardBits, BLOCK_BITS_MIN),
        views: views.map(([id]) => id),
        // KV takes one put a second per key.
        publishMs: Math.max(1_000, Math.min(...views.map(([, { publishMs }]) => publishMs))),
      }
    }),
    unfilled: own.map(([id]) => id).filter(isUnfilled),
  }
}

/** What the writers of each of these entities have to know. */
function compileLayouts(
  { entities, views }: Pick<Snapshot, 'entities' | 'views'>,
  { facts, layouts }: CompiledOthers,
): Record<string, EntityLayout> {
  return Object.fromEntries(
    Object.keys(entities).map((name) => {
      const known = layouts[name] ?? { schemas: {}, windows: {} }
      const schemas: Record<string, SegmentSchema> = {}
      const windows: Record<string, CompiledWindows> = {}
      const own = Object.values(views).filter(({ entity }) => entity === name)
      const kept = Object.keys(known.schemas).filter((id) => Object.hasOwn(facts, id))
      for (const id of [...new Set([...kept, ...own.map((view) => view.id)])].sort()) {
        const view = views[id]
        schemas[id] = view === undefined ? known.schemas[id]! : segmentSchema({ entities }, view)
        const finished = view === undefined ? known.windows[id] : view.windows
        if (finished != null) windows[id] = finished
      }
      return [name, { schemas, windows }]
    }),
  )
}

function compileSource(source: Source, placed: PlacedFacts): CompiledSource {
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
    views: placed.filter(([, facts]) => facts.source === source.name && facts.isComputed).map(([id]) => id),
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
