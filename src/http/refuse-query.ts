import type { Context, Next } from 'hono'
import type { Http } from './context.ts'
import { refuseParameters } from './read-query.ts'

/** For routes that take no parameters: one that is given is an error that names it (S34). */
export async function refuseQuery(c: Context<Http>, next: Next): Promise<void> {
  refuseParameters(c)
  await next()
}
