import { tick } from './cloudflare/cron.ts'
import type { Env } from './cloudflare/env.ts'
import { parseVariables } from './cloudflare/env.ts'
import { createPlatform } from './cloudflare/platform.ts'
import { consumeQueue } from './cloudflare/queue-consumer.ts'
import { createApp } from './http/app.ts'

export { JobWorkflow } from './cloudflare/job-workflow.ts'
export { ShardWriterObject } from './cloudflare/shard-writer.ts'

const app = createApp<Env>((env, background) => ({
  platform: createPlatform(env, background),
  adminToken: parseVariables(env).ADMIN_TOKEN,
}))

/** The Worker's doors; nothing else happens here. */
export default {
  fetch: app.fetch,
  queue: (batch, env, context) =>
    consumeQueue(
      createPlatform(env, (work) => context.waitUntil(work)),
      batch,
      { retryDelaySecondsMax: parseVariables(env).RETRY_DELAY_S_MAX },
    ),
  scheduled: (_controller, env, context) => tick(createPlatform(env, (work) => context.waitUntil(work))),
} satisfies ExportedHandler<Env, string>
