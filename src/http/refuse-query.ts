import type { Context, Next } from 'hono'
import { invalid } from '../core/error.ts'
import type { Http } from './context.ts'

/** For routes that take no parameters: one that is given is an error that names it (S34). */
export async function refuseQuery(c: Context<Http>, next: Next): Promise<void> {
  const [name] = Object.keys(c.req.query())
  if (name !== undefined) throw invalid(`Cannot take parameter "${name}": this route has none of that name`)
  await next()
}
