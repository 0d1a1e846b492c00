import type { Context } from 'hono'
import * as z from 'zod'
import { FeatureStoreError, invalid } from '../core/error.ts'
import { parseJson } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import type { Http } from './context.ts'

/**
 * An object whose members the domain checks. `z.record` would walk and copy it, and leave out a member `__proto__`
 * that is to be refused by name (S34).
 */
export const JsonObject = z.custom<Readonly<Record<string, unknown>>>(
  (json) => typeof json === 'object' && json !== null && !Array.isArray(json),
  'Invalid input: expected an object',
)

/** The body as text. Throws `limit_exceeded` past the bound, `invalid_argument` when it is not UTF-8. */
export async function readText(c: Context<Http>): Promise<string> {
  const declared = c.req.header('content-length')
  if (Number(declared ?? 0) > LIMITS.bodyBytesMax) throw tooLarge()
  // HTTP holds a sender to the length it declared: such a body is read in one call, a tenth of a stream's cost.
  const bytes = declared === undefined ? await readStream(c.req.raw.body) : await c.req.raw.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw invalid('Cannot read body: it is not UTF-8')
  }
}

/** The body as JSON of a schema. Throws `invalid_argument` naming the first field at fault. */
export async function readJson<S extends z.ZodType>(c: Context<Http>, schema: S): Promise<z.output<S>> {
  const text = await readText(c)
  return checkJson(text === '' ? undefined : parseJson(text, 'body as JSON'), schema)
}

export function checkJson<S extends z.ZodType>(json: unknown, schema: S): z.output<S> {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the body'}: ${message}`,
  )
  throw invalid(`Cannot read body: ${problems[0]}`, { problems })
}

/** Reads no more than the bound of a body whose length is not known. */
async function readStream(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body ?? []) {
    length += part.length
    if (length > LIMITS.bodyBytesMax) throw tooLarge()
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function tooLarge() {
  return new FeatureStoreError(
    'limit_exceeded',
    `Cannot read body: it is longer than ${LIMITS.bodyBytesMax} bytes`,
  )
}
