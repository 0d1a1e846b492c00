import { encodeKey } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { NamedType } from '../core/segment.ts'
import { compileExpression } from '../core/sql/compile-expression.ts'
import { expressionColumns } from '../core/sql/typed-expression.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, type Value } from '../core/value.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import type { CompiledColumn, CompiledView, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { readSnapshotOf } from './current-snapshot.ts'

/** Keys that are to leave no trace (S11), and how they are told wherever they may be. */
export interface ErasedKeys {
  readonly entity: string
  readonly keys: ReadonlySet<string>
  readonly joinKeys: readonly NamedType[]
  /** Names of all views that the entity ever had. */
  readonly views: ReadonlySet<string>
  /** Names of the sources that ever fed one of them. */
  readonly sources: ReadonlySet<string>
  /** Whether a source's row gives one of the keys to any version of these views, its `where` aside. */
  readonly isInRow: (source: string, row: TextRow) => boolean
  /** By which names label rows ever gave the entity's join keys, each time in their order. */
  readonly labelKeys: readonly (readonly string[])[]
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
  const testsBySource = new Map<string, Map<string, RowTest>>()
  const labelKeys = new Map<string, readonly string[]>()
  let joinKeys: readonly NamedType[] = []
  for (const { generation } of await platform.registry.list()) {
    const snapshot = await readSnapshotOf(platform, generation)
    if (joinKeys.length === 0) joinKeys = snapshot.entities[entity]?.joinKeys ?? []
    for (const view of Object.values(snapshot.views)) {
      if (view.entity !== entity) continue
      views.add(view.name)
      const tests = testsBySource.get(view.source) ?? new Map<string, RowTest>()
      testsBySource.set(view.source, tests)
      const { columns } = snapshot.sources[view.source]!
      const form = fingerprint([columns, view.keys])
      if (!tests.has(form)) tests.set(form, rowTest(snapshot, view, { columns, erased }))
    }
    for (const names of namesInLabels(snapshot, entity)) labelKeys.set(JSON.stringify(names), names)
  }
  return {
    entity,
    keys: erased,
    joinKeys,
    views,
    sources: new Set(testsBySource.keys()),
    isInRow: (source, row) =>
      [...(testsBySource.get(source)?.values() ?? [])].some((isErased) => isErased(row)),
    labelKeys: [...labelKeys.values()],
  }
}

type RowTest = (row: TextRow) => boolean

function rowTest(
  snapshot: Snapshot,
  { entity, keys }: CompiledView,
  { columns, erased }: { readonly columns: readonly CompiledColumn[]; readonly erased: ReadonlySet<string> },
): RowTest {
  const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
  const evaluates = keys.map(compileExpression)
  const read = new Set(keys.flatMap(expressionColumns))
  return ({ columns: names, texts }) => {
    try {
      const values = columns.map(({ name, type }, at): Value => {
        const position = read.has(at) ? names.indexOf(name) : -1
        return position < 0 ? null : decodeValue(type, texts[position]!)
      })
      const key = evaluates.map((evaluate) => evaluate(values))
      return !key.includes(null) && erased.has(encodeKey(types, key))
    } catch (error) {
      // A row of another form, or one on which the key cannot be computed: it never gave this view a key.
      if (error instanceof FeatureStoreError || error instanceof SyntaxError) return false
      throw error
    }
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
