import { checkExpression } from '../core/sql/check-expression.ts'
import { expressionColumns } from '../core/sql/typed-expression.ts'
import { parseDuration } from '../core/time.ts'
import { compileWindows } from './compile-windows.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureView } from './feature-view.ts'
import { readableColumns, returnedFields } from './returned-fields.ts'
import type { CompiledView } from './snapshot.ts'
import type { Column, Source } from './source.ts'
import { viewId } from './transition.ts'
import { keySql } from './validate.ts'
import { windowPlan } from './view-transform.ts'

/** The groups of views that name none: of latest-row views and of windowed ones. */
const MAIN_GROUP = 'main'
const WINDOWS_GROUP = 'windows'

/** Compiles a view of a set in which `findProblems` found nothing wrong with it. */
export function compileView(set: DefinitionSet, view: FeatureView, version: number): CompiledView {
  const entity = set.entities.find(({ name }) => name === view.entity)!
  const source = set.sources.find(({ name }) => name === view.source)!
  const { schema } = source
  return {
    id: viewId(view.name, version),
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

/** Tiles are large: windowed views do not swell the blocks of the others. */
export function groupOf({ block_group, aggregations }: FeatureView): string {
  return block_group ?? (aggregations === undefined ? MAIN_GROUP : WINDOWS_GROUP)
}

/** The columns of its source that any of a view's expressions reads, in the source's order; a Worker of one's own is given all. */
export function columnsRead({ where, keys, columns, transform }: CompiledView, source: Source): Column[] {
  if (transform !== null) return source.schema
  const expressions = [
    ...(where === null ? [] : [where]),
    ...keys,
    ...columns.map(({ expression }) => expression),
  ]
  const read = new Set(expressions.flatMap(expressionColumns))
  return source.schema.filter((_, at) => read.has(at))
}
