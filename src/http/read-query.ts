import type { Context } from 'hono'
import type * as z from 'zod'
import { type FeatureStoreError, invalid } from '../core/error.ts'
import type { Http } from './context.ts'

/** The parameters of a schema. Throws `invalid_argument` naming one that is unknown (S34), repeated or malformed. */
export function readQuery<S extends z.ZodObject>(c: Context<Http>, schema: S): z.output<S> {
  const given = readParameters(c)
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(schema.shape, name))
  if (unknown !== undefined) throw unknownParameter(unknown)
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw invalid(`Cannot read parameter "${path.join('.')}": ${message}`)
}

/** Query parameters as they are, each given once. */
export function readParameters(c: Context<Http>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => {
      if (values.length > 1)
        throw invalid(`Cannot read parameter "${name}": it is given ${values.length} times`)
      return [name, values[0]!]
    }),
  )
}

export function unknownParameter(name: string): FeatureStoreError {
  return invalid(`Cannot take parameter "${name}": this route has none of that name`)
}
