import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { TransformWorkers } from '../platform.ts'
import type { Env } from './env.ts'

type Methods = Readonly<Record<string, (rows: readonly unknown[]) => Promise<unknown>>>

/** Service bindings that an operator has added to `wrangler.toml`. */
export function transformWorkersBindings(env: Env): TransformWorkers {
  const bindings = env as unknown as Readonly<Record<string, unknown>>
  // Of the store's own bindings none can be fetched from; neither can KV, D1, R2 or a queue that somebody adds.
  const isWorker = (binding: unknown) =>
    typeof binding === 'object' &&
    binding !== null &&
    typeof (binding as Partial<Fetcher>).fetch === 'function'
  const has = (service: string) => Object.hasOwn(bindings, service) && isWorker(bindings[service])
  return {
    has,
    async call({ service, method }, rows) {
      if (!has(service)) throw unavailable(service, 'no Worker is bound under that name')
      const timeout = Promise.withResolvers<never>()
      const timer = setTimeout(
        () => timeout.reject(unavailable(service, `it has not answered for ${LIMITS.transformTimeoutMs} ms`)),
        LIMITS.transformTimeoutMs,
      )
      try {
        return await Promise.race([(bindings[service] as Methods)[method]!(rows), timeout.promise])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function unavailable(service: string, why: string) {
  return new FeatureStoreError('unavailable', `Cannot call Worker "${service}": ${why}`)
}
