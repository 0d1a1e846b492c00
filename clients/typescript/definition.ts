import type { ValueType } from '../../src/core/value.ts'
import type { Entity } from '../../src/definitions/entity.ts'
import type { FeatureService, ServiceEntry } from '../../src/definitions/feature-service.ts'
import type { FeatureView } from '../../src/definitions/feature-view.ts'
import type { OnDemandView } from '../../src/definitions/on-demand-view.ts'
import type { Source } from '../../src/definitions/source.ts'
import type { Columns } from './sql.ts'

// What the functions of this package answer: the definition as the store is told it, what it refers to, and its names
// as types, so that a wrong one is an error of the compiler.

/** What every definition may say of itself. */
export interface About {
  readonly description?: string
  readonly owner?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** `90s`, `10m`, `24h`, `7d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

export type Types = Readonly<Record<string, ValueType>>

export interface EntityDefinition<Key extends string = string> {
  readonly kind: 'entity'
  readonly name: string
  readonly definition: Entity
  /** For the compiler alone. */
  readonly keys?: Key
}

export interface SourceDefinition<T extends Types = Types> {
  readonly kind: 'source'
  readonly name: string
  readonly definition: Source
  /** For expressions: `` sql`${flights.columns.delay} * 2` ``. */
  readonly columns: Columns<T>
}

export interface FeatureViewDefinition<Feature extends string = string, Key extends string = string> {
  readonly kind: 'feature_view'
  readonly name: string
  readonly definition: FeatureView
  readonly entity: EntityDefinition
  readonly source: SourceDefinition
  /** This view in a service, in a role of its own: some of its features, other names of its keys, a prefix. */
  take<const F extends Feature = Feature, const Prefix extends string = ''>(options: {
    readonly features?: readonly F[]
    /** What each join key is called in requests and labels. */
    readonly joinKeys?: { readonly [K in Key]?: string }
    readonly prefix?: Prefix
    /** Of the view, should the service stay with one. */
    readonly version?: number
  }): Entry<`${NoInfer<Prefix>}${NoInfer<F>}`, never>
  /** For the compiler alone. */
  readonly outputs?: Feature
  readonly needs?: never
}

export interface OnDemandViewDefinition<Feature extends string = string, Need extends string = string> {
  readonly kind: 'on_demand_view'
  readonly name: string
  readonly definition: OnDemandView
  take<const F extends Feature = Feature, const Prefix extends string = ''>(options: {
    readonly features?: readonly F[]
    readonly prefix?: Prefix
  }): Entry<`${NoInfer<Prefix>}${NoInfer<F>}`, Need>
  /** For the compiler alone. */
  readonly outputs?: Feature
  readonly needs?: Need
}

/** A view as a service takes it. */
export interface Entry<Output extends string = string, Need extends string = string> {
  readonly kind: 'entry'
  readonly view: ViewDefinition
  readonly definition: ServiceEntryInput
  /** For the compiler alone: the features it answers, and those it takes of the entries before. */
  readonly outputs?: Output
  readonly needs?: Need
}

export type ServiceEntryInput = Pick<ServiceEntry, 'view'> & Partial<ServiceEntry>

export interface FeatureServiceDefinition {
  readonly kind: 'feature_service'
  readonly name: string
  readonly definition: FeatureService
  readonly views: readonly ViewDefinition[]
}

/** A view of either kind, whatever its names. */
export type ViewDefinition = (Omit<FeatureViewDefinition, 'take'> | Omit<OnDemandViewDefinition, 'take'>) & {
  readonly take: (options: never) => Entry
}

export type Definition = EntityDefinition | SourceDefinition | ViewDefinition | FeatureServiceDefinition
