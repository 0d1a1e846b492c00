import type { Context } from 'hono'
import type * as z from 'zod'
import { type FeatureStoreError, invalid } from '../core/error.ts'
import type { Http } from './context.ts'

/** The parameters of a schema. Throws `invalid_argument` naming one that is unknown (S34), repeated or malformed. */
export function readQuery<S extends z.ZodObject>(c: Context<Http>, schema: S): z.output<S> {
  const given = Object.fromEntries(readParameters(c))
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(schema.shape, name))
  if (unknown !== undefined) throw unknownParameter(unknown)
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const name = issue.path.join('.')
  const text = given[name]
  const what = text === undefined ? 'it is not given' : `"${text.slice(0, GIVEN_CHARS_MAX)}" is given`
  throw invalid(`Cannot read parameter "${name}": ${what}, ${neededOf(issue, text)}`)
}

/** Of what is given, an error tells so much. */
const GIVEN_CHARS_MAX = 64

/** What a parameter has to be: as its schema says it, but for what zod says in words of its own. */
function neededOf(issue: z.core.$ZodIssue, text: string | undefined): string {
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')} is needed`
  return text === undefined ? 'a value is needed' : issue.message
}

/** Query parameters as they are, each given once. Hono gathers them in lists, and takes several times as long. */
export function readParameters(c: Context<Http>): Map<string, string> {
  const { url } = c.req
  const given = new Map<string, string>()
  const start = url.indexOf('?')
  if (start < 0) return given
  for (const part of url.slice(start + 1).split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals < 0 ? part : part.slice(0, equals))
    if (given.has(name)) throw invalid(`Cannot read parameter "${name}": it is given more than once`)
    given.set(name, equals < 0 ? '' : decode(part.slice(equals + 1)))
  }
  return given
}

/** For routes that take no parameters. Throws `invalid_argument` naming one that is given (S34). */
export function refuseParameters(c: Context<Http>): void {
  for (const name of readParameters(c).keys()) throw unknownParameter(name)
}

export function unknownParameter(name: string): FeatureStoreError {
  return invalid(`Cannot take parameter "${name}": this route has none of that name`)
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    throw invalid(`Cannot read parameter text "${text.slice(0, 64)}": it is not percent-encoded UTF-8`)
  }
}
