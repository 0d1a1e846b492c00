import { checkExpression } from '../core/sql/check-expression.ts'
import { expressionColumns } from '../core/sql/typed-expression.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import type { Source } from '../definitions/source.ts'
import { keySql } from '../definitions/validate.ts'
import type { Catalog } from './catalog.ts'

/** Names of the columns that an expression reads, in their order. */
export function columnsOfExpression(
  sql: string,
  columns: readonly Pick<Source['schema'][number], 'name' | 'type'>[],
): string[] {
  return expressionColumns(checkExpression(sql, columns)).map((at) => columns[at]!.name)
}

const columnsByView = new WeakMap<FeatureView, readonly string[]>()

/**
 * Names of the columns of its source that a view reads: for its times, keys, `where` and features. A view's own Worker
 * is given them all.
 */
export function columnsOfView({ sources, entities }: Catalog, view: FeatureView): readonly string[] {
  let columns = columnsByView.get(view)
  if (columns === undefined) {
    const source = sources.get(view.source)!
    if (view.transform !== undefined) return source.schema.map(({ name }) => name)
    const sqls = new Set([
      ...entities.get(view.entity)!.join_keys.map(({ name }) => keySql(view, name)),
      ...(view.where === undefined ? [] : [view.where]),
      ...(view.features ?? view.aggregations ?? []).flatMap(({ sql }) => sql ?? []),
    ])
    const read = new Set([...sqls].flatMap((sql) => columnsOfExpression(sql, source.schema)))
    for (const column of [source.event_time, source.created_time, source.event_id]) {
      if (column !== null) read.add(column)
    }
    columns = source.schema.map(({ name }) => name).filter((name) => read.has(name))
    columnsByView.set(view, columns)
  }
  return columns
}
