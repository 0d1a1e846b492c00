import { eventQueue } from '../../src/cloudflare/event-queue.ts'
import type { QueueRecord } from '../serving-workers.ts'
import { readCachedEntities } from './cached-entities.ts'

const acked: { -readonly [Name in keyof QueueRecord]: QueueRecord[Name] } = { messageCount: 0, ackedMs: 0 }

/**
 * What one would write without a feature store: one KV key per entity, read when asked for, and one queue message per
 * event, only acknowledged. It authenticates nobody, checks nothing and knows no statuses, so whatever the store does
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
        return new Response(null, { status: 202 })
      }
      case 'POST /messages':
        await eventQueue(env.EVENTS).send((await request.json()) as string[])
        return new Response(null, { status: 202 })
      case 'GET /recorded':
        return Response.json(acked)
      default:
        return new Response(null, { status: 404 })
    }
  },
  queue(batch: MessageBatch): void {
    batch.ackAll()
    acked.messageCount += batch.messages.length
    acked.ackedMs = Date.now()
  },
}

/** Keys one bulk get takes, and messages one batch. */
const BULK_KEYS_MAX = 100
const BATCH_MESSAGES_MAX = 100

interface BaselineEnv {
  readonly ENTITIES: KVNamespace
  readonly EVENTS: Queue
}

function json(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } })
}
