import type { Env } from '../../src/cloudflare/env.ts'
import store, { ShardWriterObject as Writer } from '../../src/index.ts'
import type { Delivery, DeliveryAnswer } from '../../src/platform.ts'
import type { StoreRecord } from '../serving-workers.ts'

export { JobWorkflow } from '../../src/index.ts'

const noted = { committedMs: 0, putCount: 0, putChars: 0, putMs: 0 }

/** The store as it is deployed, and besides it tells what its writers have taken and put. */
export default {
  ...store,
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== '/recorded') return store.fetch(request, env, context)
    const manifest = await env.DB.prepare(
      // Raw rows are cut by a rhythm of their own.
      "SELECT total(row_count) AS segmentRows, (SELECT max(time) / 1000 FROM commits) AS segmentMs FROM segments WHERE view = 'profile'",
    ).first<Pick<StoreRecord, 'segmentRows' | 'segmentMs'>>()
    return Response.json({ ...noted, ...manifest! } satisfies StoreRecord)
  },
} satisfies ExportedHandler<Env, string>

/** Only what a writer puts is counted, not what else the Worker does. */
export class ShardWriterObject extends Writer {
  constructor(context: DurableObjectState, env: Env) {
    super(context, { ...env, ONLINE: countPuts(env.ONLINE) })
  }

  override async deliver(delivery: Delivery): Promise<DeliveryAnswer> {
    const answer = await super.deliver(delivery)
    noted.committedMs = Date.now()
    return answer
  }
}

function countPuts(namespace: KVNamespace): KVNamespace {
  const put = async (key: string, value: string) => {
    await namespace.put(key, value)
    noted.putCount++
    noted.putChars += value.length
    noted.putMs = Date.now()
  }
  // Methods of a binding know no other `this`.
  return { put, delete: namespace.delete.bind(namespace) } as unknown as KVNamespace
}
