import { encodeKey } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { NamedType } from '../core/segment.ts'
import { compileExpression } from '../core/sql/compile-expression.ts'
import { expressionColumns } from '../core/sql/typed-expression.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type Value, type ValueType } from '../core/value.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import type {
  CompiledColumn,
  CompiledSource,
  CompiledView,
  LandingFormat,
  Snapshot,
} from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { readSnapshotOf } from './current-snapshot.ts'

/** Keys that are to leave no trace (S11), and how they are told wherever they may be. */
export interface ErasedKeys {
  readonly entity: string
  readonly keys: ReadonlySet<string>
  readonly joinKeys: readonly NamedType[]
  /** Names of all views that the entity ever had. */
  readonly views: ReadonlySet<string>
  /** The sources that ever fed one of them, by name. */
  readonly sources: ReadonlyMap<string, ErasedSource>
  /** Whether a source's row gives one of the keys to any version of these views, its `where` aside. */
  readonly isInRow: (source: string, row: TextRow) => boolean
  /** Whether all values of one of the keys stand in a text that nobody can read. */
  readonly mayStandIn: (text: string) => boolean
  /** By which names label rows ever gave the entity's join keys, each time in their order. */
  readonly labelKeys: readonly (readonly string[])[]
}

/** A source that has rows of keys. */
export interface ErasedSource {
  /** As the newest generation that has it says. */
  readonly source: CompiledSource
  /** As it was declared last; null if it never was. */
  readonly landing: LandingFormat | null
  /** In what ways its rows ever gave a view of the entity its key. */
  readonly forms: readonly KeyForm[]
}

/** How a view computes the entity's key, in one form that it and its source had. */
export interface KeyForm {
  /** The columns it is computed from. */
  readonly columns: readonly CompiledColumn[]
  /** Whether a row gives one of the keys; `read` says or throws what the row has in a column. */
  readonly isErased: (read: (column: CompiledColumn) => Value) => boolean
}

/** What one place held of the keys. */
export interface Erased {
  /** Rows, unless the place says otherwise. */
  readonly removed: number
  /** What could not be done, in words. */
  readonly notes: readonly string[]
}

/** Another place that keys are to be erased from. */
export interface ErasedPlace {
  /** As the report names it. */
  readonly name: string
  readonly erase: (platform: Platform, keys: ErasedKeys) => Promise<Erased>
  /** What was begun before `time`, may yet write there and so has to end first, in words; undefined when there is none. */
  readonly findUnfinished?: (platform: Platform, time: Instant) => Promise<string | undefined>
}

/** A source's row as JSON texts, in the order of `columns`. */
export interface TextRow {
  readonly columns: readonly string[]
  readonly texts: readonly string[]
}

/** Reads every generation there was: a row came under any of them. */
export async function readErasedKeys(
  platform: Platform,
  { entity, keys }: { readonly entity: string; readonly keys: readonly string[] },
): Promise<ErasedKeys> {
  const erased = new Set(keys)
  const views = new Set<string>()
  const sources = new Map<string, SourceForms>()
  const labelKeys = new Map<string, readonly string[]>()
  let joinKeys: readonly NamedType[] = []
  // Newest first, so that a source is found as it is now, or was last.
  for (const { generation } of await platform.registry.list()) {
    const snapshot = await readSnapshotOf(platform, generation, { viewsOf: [entity], onlyServices: 'all' })
    if (joinKeys.length === 0) joinKeys = snapshot.entities[entity]?.joinKeys ?? []
    for (const view of Object.values(snapshot.views)) {
      if (view.entity !== entity) continue
      views.add(view.name)
      const source = snapshot.sources[view.source]!
      const known = sources.get(source.name) ?? { source, landing: null, forms: new Map<string, KeyForm>() }
      sources.set(source.name, { ...known, landing: known.landing ?? source.landing })
      const form = fingerprint([source.columns, view.keys])
      if (!known.forms.has(form)) known.forms.set(form, keyForm(snapshot, view, { source, erased }))
    }
    for (const names of namesInLabels(snapshot, entity)) labelKeys.set(JSON.stringify(names), names)
  }
  const formsOf = (source: string) => [...(sources.get(source)?.forms.values() ?? [])]
  return {
    entity,
    keys: erased,
    joinKeys,
    views,
    sources: new Map([...sources].map(([name, found]) => [name, { ...found, forms: formsOf(name) }])),
    isInRow: (source, { columns, texts }) =>
      formsOf(source).some(({ isErased }) =>
        isErased(({ name, type }) => {
          const position = columns.indexOf(name)
          return position < 0 ? null : decodeValue(type, texts[position]!)
        }),
      ),
    mayStandIn: (text) =>
      [...erased].some((key) =>
        splitCells(key).every((cell, at) =>
          spellings(joinKeys[at]!.type, cell).some((spelled) => text.includes(spelled)),
        ),
      ),
    labelKeys: [...labelKeys.values()],
  }
}

interface SourceForms extends Omit<ErasedSource, 'forms'> {
  readonly forms: Map<string, KeyForm>
}

/** How a value of a key may be spelled in text: as JSON, as it is, and with its quotes doubled, as CSV has them. */
function spellings(type: ValueType, cell: string): string[] {
  if (!cell.startsWith('"')) return [cell]
  const value = decodeValue(type, cell)
  if (typeof value !== 'string') return [cell.slice(1, -1)]
  return [cell.slice(1, -1), value, JSON.stringify(value).slice(1, -1), value.replaceAll('"', '""')]
}

function keyForm(
  snapshot: Snapshot,
  { entity, keys }: CompiledView,
  { source, erased }: { readonly source: CompiledSource; readonly erased: ReadonlySet<string> },
): KeyForm {
  const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
  const evaluates = keys.map(compileExpression)
  const positions = [...new Set(keys.flatMap(expressionColumns))]
  const { columns } = source
  return {
    columns: positions.map((at) => columns[at]!),
    isErased(read) {
      try {
        const values = new Array<Value>(columns.length).fill(null)
        for (const at of positions) values[at] = read(columns[at]!)
        const key = evaluates.map((evaluate) => evaluate(values))
        return !key.includes(null) && erased.has(encodeKey(types, key))
      } catch (error) {
        // A row of another form, or one on which the key cannot be computed: it never gave this view a key.
        if (error instanceof FeatureStoreError || error instanceof SyntaxError) return false
        throw error
      }
    },
  }
}

/** The names under which services take the entity's join keys, and the entity's own, which a view's dataset takes. */
function namesInLabels(snapshot: Snapshot, entity: string): string[][] {
  const own = snapshot.entities[entity]?.joinKeys.map(({ name }) => name)
  const renamed = Object.values(snapshot.services).flatMap(({ lookups, inputs }) =>
    lookups
      .filter((lookup) => lookup.entity === entity)
      .map((lookup) => lookup.inputs.map((input) => inputs[input]!.name)),
  )
  return own === undefined ? renamed : [own, ...renamed]
}
