import { eventQueue } from '../../src/cloudflare/event-queue.ts'
import type { QueueRecord } from '../serving-workers.ts'
import { readCachedEntities } from './cached-entities.ts'

const record: { -readonly [Name in keyof QueueRecord]: QueueRecord[Name] } = {
  sentCount: 0,
  ackedCount: 0,
  ackedMs: 0,
}

/**
 * What one would write without a feature store: one KV key per entity, read when asked for, and one queue message per
 * event, only acknowledged; or events packed into messages as large as the store's. It authenticates nobody, checks nothing and knows no statuses, so whatever the store does
 * beyond it costs the store.
 */
export default {
  async fetch(request: Request, env: BaselineEnv): Promise<Response> {
    const url = new URL(request.url)
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /ok':
        return new Response('ok')
      case 'GET /features':
        return json((await env.ENTITIES.get(url.searchParams.get('key')!)) ?? 'null')
      case 'POST /features': {
        const keys = (await request.json()) as string[]
        const values = new Map<string, string | null>()
        for (let at = 0; at < keys.length; at += BULK_KEYS_MAX) {
          const chunk = await env.ENTITIES.get(keys.slice(at, at + BULK_KEYS_MAX))
          for (const [key, value] of chunk) values.set(key, value)
        }
        return json(`[${keys.map((key) => values.get(key) ?? 'null')}]`)
      }
      case 'POST /cached-features': {
        const values = await readCachedEntities(env.ENTITIES, (await request.json()) as string[])
        return json(`[${values.map((value) => value ?? 'null')}]`)
      }
      case 'POST /events': {
        const { events } = (await request.json()) as { readonly events: readonly unknown[] }
        for (let at = 0; at < events.length; at += BATCH_MESSAGES_MAX) {
          await env.EVENTS.sendBatch(events.slice(at, at + BATCH_MESSAGES_MAX).map((body) => ({ body })))
        }
        record.sentCount += events.length
        return new Response(null, { status: 202 })
      }
      case 'POST /packed-events': {
        const { events } = (await request.json()) as { readonly events: readonly unknown[] }
        return sendTexts(env, packMessages(events))
      }
      case 'POST /puts': {
        const { count, chars } = (await request.json()) as { readonly count: number; readonly chars: number }
        await putTexts(env.ENTITIES, count, 'x'.repeat(chars))
        return new Response(null, { status: 204 })
      }
      case 'POST /messages':
        return sendTexts(env, (await request.json()) as string[])
      case 'GET /recorded':
        return Response.json(record)
      default:
        return new Response(null, { status: 404 })
    }
  },
  queue(batch: MessageBatch): void {
    batch.ackAll()
    record.ackedCount += batch.messages.length
    record.ackedMs = Date.now()
  },
}

/** Keys one bulk get takes, and messages one batch. */
const BULK_KEYS_MAX = 100
const BATCH_MESSAGES_MAX = 100

async function sendTexts(env: BaselineEnv, messages: readonly string[]): Promise<Response> {
  await eventQueue(env.EVENTS).send(messages)
  record.sentCount += messages.length
  return new Response(null, { status: 202 })
}

/** Characters of a message, and puts under way at a time: the store's. */
const MESSAGE_CHARS_MAX = 62_000
const PUTS_AT_ONCE = 12

/** Events as JSON, a line each, in messages as large as the store's. */
function packMessages(events: readonly unknown[]): string[] {
  const messages: string[] = []
  for (const event of events) {
    const line = `${JSON.stringify(event)}\n`
    const last = messages.at(-1)
    if (last === undefined || last.length + line.length > MESSAGE_CHARS_MAX) messages.push(line)
    else messages[messages.length - 1] = last + line
  }
  return messages
}

async function putTexts(namespace: KVNamespace, count: number, text: string): Promise<void> {
  const lanes = Array.from({ length: PUTS_AT_ONCE }, async (_, lane) => {
    for (let at = lane; at < count; at += PUTS_AT_ONCE) await namespace.put(`put/${at}`, text)
  })
  await Promise.all(lanes)
}

interface BaselineEnv {
  readonly ENTITIES: KVNamespace
  readonly EVENTS: Queue
}

function json(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } })
}
