import { checkExpression } from '../core/sql/check-expression.ts'
import type { WindowAggregation } from '../core/window/window-plan.ts'
import type { FeatureView } from './feature-view.ts'
import { readableColumns } from './returned-fields.ts'
import type { CompiledFeature, CompiledWindows } from './snapshot.ts'
import type { Source } from './source.ts'

/** Name of the column that holds an event's id in the log of a windowed view. */
export const EVENT_ID_COLUMN = 'event_id'

/**
 * What the rows of a windowed view hold and how its windows are made of them. Aggregations of one expression share a column, named
 * for the first of them. Throws `invalid_argument` for an expression that cannot be read.
 */
export function compileWindows(
  view: FeatureView,
  source: Source,
): { readonly columns: readonly CompiledFeature[]; readonly windows: CompiledWindows } {
  const columns: CompiledFeature[] = []
  const inputs = new Map<string, number>()
  const readable = readableColumns(view, source)
  const planned = (view.aggregations ?? []).map(
    ({ sql, description: _, ...aggregation }): WindowAggregation => {
      let input = inputs.get(sql)
      if (input === undefined) {
        const expression = checkExpression(sql, readable)
        input = columns.push({ name: aggregation.name, type: expression.type, expression }) - 1
        inputs.set(sql, input)
      }
      return { ...aggregation, input, inputType: columns[input]!.type }
    },
  )
  if (source.event_id !== null) columns.push(eventId(source, source.event_id))
  return { columns, windows: { aggregations: planned, hasEventId: source.event_id !== null } }
}

function eventId({ schema }: Source, name: string): CompiledFeature {
  const column = schema.findIndex((one) => one.name === name)
  const { type } = schema[column]!
  return { name: EVENT_ID_COLUMN, type, expression: { kind: 'column', type, column } }
}
