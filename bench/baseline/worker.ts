/**
 * What one would write without a feature store: one KV key per entity, read when asked for. It authenticates nobody,
 * checks nothing and knows no statuses, so whatever the store does beyond it costs the store.
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
        const values = await env.ENTITIES.get(keys)
        return json(`[${keys.map((key) => values.get(key) ?? 'null')}]`)
      }
      case 'POST /entities': {
        const entities = Object.entries((await request.json()) as Record<string, readonly number[]>)
        await Promise.all(entities.map(([key, values]) => env.ENTITIES.put(key, JSON.stringify(values))))
        return new Response(null, { status: 204 })
      }
      default:
        return new Response(null, { status: 404 })
    }
  },
}

interface BaselineEnv {
  readonly ENTITIES: KVNamespace
}

function json(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } })
}
