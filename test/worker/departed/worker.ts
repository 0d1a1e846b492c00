import type { Env } from '../../../src/cloudflare/env.ts'
import { createPlatform } from '../../../src/cloudflare/platform.ts'
import { createBlockCache } from '../../../src/core/block-cache.ts'
import { createApp } from '../../../src/http/app.ts'
import store from '../../../src/index.ts'
import type { Platform } from '../../../src/platform.ts'

export { JobWorkflow, ShardWriterObject } from '../../../src/index.ts'

/** Between two looks whether reads may go on. */
const HELD_MS = 10

/** What readers have come to since `/hold`. */
const seen = { reads: 0, looks: 0 }
let areReadsHeld = false
/** Whether a fetch is handed to `waitUntil`. */
let isKept = true
let reader: Platform | undefined

/** The store's platform, but that its clock stands still and reads of blocks wait while they are held. */
function createReader(env: Env): Platform {
  const platform = createPlatform(env)
  const now = platform.clock.now()
  return {
    ...platform,
    clock: { now: () => now },
    online: {
      ...platform.online,
      async readBlocks(keys) {
        seen.reads++
        while (areReadsHeld) await scheduler.wait(HELD_MS)
        return platform.online.readBlocks(keys)
      },
    },
    background(work) {
      if (isKept) platform.background(work)
    },
    async pause(ms) {
      seen.looks++
      // A slow machine is given the time to let a fetch go on that ends: whoever waits for it does not lose patience meanwhile.
      while (isKept && areReadsHeld) await scheduler.wait(HELD_MS)
      await platform.pause(ms)
    },
  }
}

function readerOf(env: Env): Platform {
  reader ??= createReader(env)
  return reader
}

/** Empties the cache of blocks, and holds reads from now on. */
function hold(env: Env, kept: boolean): void {
  isKept = kept
  areReadsHeld = true
  Object.assign(readerOf(env).memory, { blocks: createBlockCache(1_000_000) })
  Object.assign(seen, { reads: 0, looks: 0 })
}

/** Asks the store what it is asked, and leaves as soon as that reads a block. */
async function askAndLeave(request: Request, self: Fetcher): Promise<string> {
  const client = new AbortController()
  const { url, method, headers } = request
  const given = { method, headers, body: await request.text(), signal: client.signal }
  const outcome = self.fetch(url.replace('/leave', ''), given).then(
    () => 'answered',
    () => 'left',
  )
  while (seen.reads === 0) await scheduler.wait(HELD_MS)
  client.abort()
  return outcome
}

const app = createApp((env: Env) => ({ platform: readerOf(env), adminToken: env.ADMIN_TOKEN }))

/** The store as it is deployed, but that reads of blocks are held between `/hold` and `/let-go`, and that `/leave` before a path leaves. */
export default {
  ...store,
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/hold') hold(env, searchParams.get('kept') === 'true')
    if (pathname === '/let-go') areReadsHeld = false
    if (['/hold', '/let-go', '/seen'].includes(pathname)) return Response.json(seen)
    if (pathname.startsWith('/leave')) return new Response(await askAndLeave(request, env.SELF))
    return pathname.endsWith('/features')
      ? app.fetch(request, env, context)
      : store.fetch(request, env, context)
  },
} satisfies ExportedHandler<Env & { readonly SELF: Fetcher }, string>
