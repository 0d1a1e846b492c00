import type { ValueType } from '../../src/core/value.ts'
import { OnDemandView } from '../../src/definitions/on-demand-view.ts'
import type { About, OnDemandViewDefinition, Types } from './definition.ts'
import { createEntry } from './entry.ts'
import { type FeatureOptions, featureDefinitions } from './feature-view.ts'
import { type Columns, createColumns } from './sql.ts'

interface OnDemandOptions<
  Features extends Types,
  Request extends Types,
  F extends Readonly<Record<string, FeatureOptions>>,
> extends About {
  /** Features of the service that it stands in, by their names there. */
  readonly inputs?: Features
  /** Values that requests and labels bring along. */
  readonly request?: Request
  readonly features: (inputs: Columns<Features & Request>) => F
}

/** Features computed at request time, over inputs. Throws where a field is not as the store takes it. */
export function onDemandView<
  const Features extends Types = Record<never, ValueType>,
  const Request extends Types = Record<never, ValueType>,
  const F extends Readonly<Record<string, FeatureOptions>> = Record<never, FeatureOptions>,
>(
  name: string,
  { inputs, request, features, ...rest }: OnDemandOptions<Features, Request, F>,
): OnDemandViewDefinition<keyof F & string, keyof Features & string> {
  const types = { ...inputs, ...request } as Features & Request
  const definition = OnDemandView.parse({
    name,
    inputs: [
      ...Object.entries(inputs ?? {}).map(([input, type]) => ({ name: input, type })),
      ...Object.entries(request ?? {}).map(([input, type]) => ({ name: input, type, from: 'request' })),
    ],
    features: featureDefinitions(features(createColumns(types))),
    ...rest,
  })
  const view: OnDemandViewDefinition<keyof F & string, keyof Features & string> = {
    kind: 'on_demand_view',
    name,
    definition,
    take: (options) => createEntry(view, options),
  }
  return view
}
