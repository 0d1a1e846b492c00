import type { Env } from '../../../src/cloudflare/env.ts'
import { createPlatform } from '../../../src/cloudflare/platform.ts'
import { consumeQueue } from '../../../src/cloudflare/queue-consumer.ts'
import { createBlockCache } from '../../../src/core/block-cache.ts'
import { createPieceCache } from '../../../src/definitions/piece-cache.ts'
import { createApp } from '../../../src/http/app.ts'
import store from '../../../src/index.ts'
import type { Memory, Platform } from '../../../src/platform.ts'
import held from '../held/worker.ts'

export { JobWorkflow, ShardWriterObject } from '../held/worker.ts'

/** How old may be what readers and consumers know of the definitions, and of blocks. */
const STALE_MS = 60_000
const ISOLATES = 3
/** Of the blocks that are read, the share that KV lacks: it was asked for them before they were first put. */
const LACKING_SHARE = 0.25

/** Values as they were seen, the newest last. */
const seenByKey = new Map<string, { readonly ms: number; readonly value: unknown }[]>()
let isBehind = false
/** How often something older than the newest was answered, by what it is. */
const oldAnswers: Record<string, number> = {}

/** What a store answered at a random moment of the last minute: not newer than now, and not always the same. */
async function read<T>(key: string, readNow: () => Promise<T>): Promise<T> {
  const value = await readNow()
  if (!isBehind) return value
  const seen = seenByKey.get(key) ?? []
  seenByKey.set(key, seen)
  if (seen.at(-1)?.value !== value) seen.push({ ms: Date.now(), value })
  const ms = Date.now() - Math.random() * STALE_MS
  const answer = (seen.findLast((one) => one.ms <= ms) ?? seen[0]!).value as T
  if (answer !== value) count(key.split('/')[0]!)
  return answer
}

async function readBlock(key: string, text: string | null): Promise<string | null> {
  if (!isBehind || Math.random() >= LACKING_SHARE) return read(key, async () => text)
  count('lacking')
  return null
}

function count(what: string): void {
  oldAnswers[what] = (oldAnswers[what] ?? 0) + 1
}

const emptyMemory = (): Memory => ({
  blocks: createBlockCache(1_000_000),
  pieces: createPieceCache(1_000_000),
  served: undefined,
  written: undefined,
  applied: undefined,
  grants: new Map(),
  backlog: undefined,
})

/** What isolates elsewhere remember; one of them has always just begun. */
const memories = Array.from({ length: ISOLATES }, emptyMemory)

/** Readers far away: KV shows them what was a while ago, D1 what is. */
function reader(env: Env): Platform {
  const platform = createPlatform(env)
  const { snapshots, online } = platform
  memories[0] = emptyMemory()
  return {
    ...platform,
    memory: memories[Math.floor(Math.random() * ISOLATES)]!,
    snapshots: { ...snapshots, readPointer: () => read('pointer', () => snapshots.readPointer()) },
    online: {
      ...online,
      async readBlocks(keys) {
        const texts = await online.readBlocks(keys)
        return Promise.all(keys.map((key, at) => readBlock(key, texts[at]!)))
      },
    },
  }
}

/** A consumer that began its work a while ago, under what was the newest generation then; when it looks again, D1 shows what is. */
function consumer(env: Env): Platform {
  const platform = createPlatform(env)
  const { registry } = platform
  let hasLooked = false
  return {
    ...platform,
    memory: emptyMemory(),
    registry: {
      ...registry,
      readGeneration() {
        const isFirst = !hasLooked
        hasLooked = true
        return isFirst ? read('generation', () => registry.readGeneration()) : registry.readGeneration()
      },
    },
  }
}

const app = createApp((env: Env) => ({ platform: reader(env), adminToken: env.ADMIN_TOKEN }))

/** The store whose jobs can be held, but that Get, BatchGet and the queue's consumer are behind from `/behind` to `/settled`. */
export default {
  ...store,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url)
    if (pathname === '/old-answers') return Response.json(oldAnswers)
    if (pathname === '/behind' || pathname === '/settled') {
      isBehind = pathname === '/behind'
      // None of them still holds a block from before the first push.
      if (isBehind) for (const isolate of memories.keys()) memories[isolate] = emptyMemory()
      await consumer(env).registry.readGeneration()
      return new Response(null, { status: 204 })
    }
    return pathname.endsWith('/features')
      ? app.fetch(request, env, context)
      : held.fetch(request, env, context)
  },
  queue: (batch, env) => consumeQueue(consumer(env), batch, { retryDelaySecondsMax: 0 }),
} satisfies ExportedHandler<Env, string>
