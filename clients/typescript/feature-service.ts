import { FeatureService } from '../../src/definitions/feature-service.ts'
import type { About, Entry, FeatureServiceDefinition, ViewDefinition } from './definition.ts'

type Taken = ViewDefinition | Entry

type Outputs<E extends readonly Taken[]> = NonNullable<E[number]['outputs']>
type Needs<E extends readonly Taken[]> = NonNullable<E[number]['needs']>
type Lacking<E extends readonly Taken[]> = Exclude<Needs<E>, Outputs<E>>

/**
 * The ordered features that one model reads: whole views, or what `view.take(…)` takes of them. An on-demand view whose
 * inputs none of the others gives is an error of the compiler that names them.
 */
export function featureService<const E extends readonly Taken[]>(
  name: string,
  {
    features,
    ...rest
  }: About & {
    readonly features: E & ([Lacking<E>] extends [never] ? unknown : { readonly lacking: Lacking<E> })
  },
): FeatureServiceDefinition {
  const entries: readonly Taken[] = features
  const definition = FeatureService.parse({
    name,
    features: entries.map((entry) => (entry.kind === 'entry' ? entry.definition : { view: entry.name })),
    ...rest,
  })
  const views = entries.map((entry) => (entry.kind === 'entry' ? entry.view : entry))
  return { kind: 'feature_service', name, definition, views }
}
