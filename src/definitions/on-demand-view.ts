import * as z from 'zod'
import { Feature } from './feature-view.ts'
import { About, ColumnName, Name, Type } from './name.ts'

/** Features computed at request time from request inputs and other features of the service's row. */
export const OnDemandView = z.strictObject({
  name: Name,
  inputs: z
    .array(
      z.strictObject({
        name: ColumnName,
        type: Type,
        from: z.enum(['request', 'features']).default('features'),
      }),
    )
    .min(1)
    .max(500),
  features: z.array(Feature).min(1).max(500),
  ...About,
})
export type OnDemandView = z.infer<typeof OnDemandView>
