import type { NamedType } from '../core/segment.ts'
import type { FeatureView } from './feature-view.ts'
import { nameOf, repeated } from './problems.ts'
import type { Source } from './source.ts'

/** What a view's Worker returns for each row: its features without SQL. Empty without a transform. */
export function returnedFields({ features = [], transform }: FeatureView): NamedType[] {
  if (transform === undefined) return []
  return features.filter(({ sql }) => sql === undefined).map(({ name, type }) => ({ name, type }))
}

/** What a view's features and aggregations are computed from: the source's columns, then what its Worker returns. */
export function readableColumns(view: FeatureView, source: Source): readonly NamedType[] {
  // The very schema where it is all: what was checked over it once is not checked again.
  if (view.transform === undefined) return source.schema
  return [...source.schema, ...returnedFields(view)].map(({ name, type }) => ({ name, type }))
}

/** What is wrong with a view's transform, or with its features for want of one. */
export function problemsOfTransform(view: FeatureView, source: Source): string[] {
  const { features = [], aggregations, transform } = view
  const without = features.filter(({ sql }) => sql === undefined)
  if (transform === undefined) {
    return without.map(
      ({ name }) => `feature "${name}" has no sql, and the view no transform that returns it`,
    )
  }
  const columns = source.schema.map(nameOf)
  return [
    ...(without.length === 0
      ? ['its transform returns nothing: a feature without sql is a field that it returns']
      : []),
    ...(aggregations === undefined
      ? []
      : features
          .filter(({ sql }) => sql !== undefined)
          .map(
            ({ name }) =>
              `feature "${name}" has sql: beside aggregations, features are what the transform returns`,
          )),
    ...repeated([...columns, ...without.map(nameOf)])
      .filter((name) => !repeated(columns).includes(name))
      .map((name) => `its transform cannot return "${name}": that is a column of its source, or named twice`),
  ]
}
