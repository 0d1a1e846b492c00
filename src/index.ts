import { tick } from './cloudflare/cron.ts'
import type { Env } from './cloudflare/env.ts'
import { parseVariables } from './cloudflare/env.ts'
import { createPlatform } from './cloudflare/platform.ts'
import { consumeQueue } from './cloudflare/queue-consumer.ts'
import { createApp } from './http/app.ts'
import type { Services } from './http/context.ts'

export { JobWorkflow } from './cloudflare/job-workflow.ts'
export { ShardWriterObject } from './cloudflare/shard-writer.ts'

/** Made by the isolate's first request: bindings and variables stay the same as long as it lives. */
let services: Services | undefined

function servicesOf(env: Env): Services {
  services ??= { platform: createPlatform(env), adminToken: parseVariables(env).ADMIN_TOKEN }
  return services
}

const app = createApp(servicesOf)

/** The Worker's doors; nothing else happens here. */
export default {
  fetch: app.fetch,
  queue: (batch, env) =>
    consumeQueue(servicesOf(env).platform, batch, {
      retryDelaySecondsMax: parseVariables(env).RETRY_DELAY_S_MAX,
    }),
  scheduled: (_controller, env) => tick(servicesOf(env).platform),
} satisfies ExportedHandler<Env, string>
