import * as z from 'zod'
import { About, ColumnName, Name } from './name.ts'

export const ServiceEntry = z.strictObject({
  /** A feature view or an on-demand view; `view@2` pins a version. */
  view: z.string().regex(/^[a-z][a-z0-9_]{0,62}(@[1-9]\d{0,5})?$/, 'a view is named, perhaps with @version'),
  /** The features taken, in this order; by default all of them. */
  features: z.array(ColumnName).min(1).max(2_000).optional(),
  /** What each join key is called in requests and labels; by default its own name. */
  join_keys: z.record(ColumnName, ColumnName).default({}),
  /** Put before each feature's name, so that one view can play two roles. */
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_]{0,63}$/, 'a prefix is letters, digits and _')
    .default(''),
})
export type ServiceEntry = z.infer<typeof ServiceEntry>

/** The ordered set of features one model reads, for serving and training alike. */
export const FeatureService = z.strictObject({
  name: Name,
  features: z.array(ServiceEntry).min(1).max(500),
  ...About,
})
export type FeatureService = z.infer<typeof FeatureService>
