import type { BenchRequest, LoopClient } from './closed-loop.ts'
import { createProfile, featureNames, profileDefinitions } from './profiles.ts'
import { startWorkerd } from './workerd.ts'

/** Features of a user wherever entities are loaded through the store's door. */
export const FEATURE_COUNT = 10
const TOKEN = 'bench'
const PUSH_ROWS = 2_000
const CHECKED_ROWS = 1_000
const VISIBLE_MS_MAX = 120_000

/** A Worker under workerd that holds the entities, and how it is asked for them. Users are 0 to `entityCount`. */
export interface ServingWorker {
  get(user: number): BenchRequest
  batchGet(users: readonly number[]): BenchRequest
  /** The values in a body that answers `get`, and row by row in one that answers `batchGet`. */
  readValues(body: string): readonly number[]
  readRows(body: string): readonly (readonly number[])[]
  /** Puts the entities in; resolves when each can be read. */
  load(client: LoopClient, entities: readonly (readonly number[])[]): Promise<void>
  /** Puts texts straight into its KV. */
  putTexts(texts: ReadonlyMap<string, string>): Promise<void>
  close(): Promise<void>
}

/** Values of each user's features. */
export function createEntities(entityCount: number): number[][] {
  return Array.from({ length: entityCount }, (_, user) => createProfile(user, FEATURE_COUNT))
}

/** The store as it is deployed, from `wrangler.toml`. */
export async function startStore(): Promise<ServingWorker> {
  const { origin, putTexts, stop } = await startWorkerd('../wrangler.toml', {
    variables: { ADMIN_TOKEN: TOKEN },
    migrated: 'DB',
  })
  const post = (path: string, body: unknown) => postJson(`${origin}/v1/${path}`, body)
  const headers = { authorization: `Bearer ${TOKEN}` }
  const store: ServingWorker = {
    get: (user) => ({ url: `${origin}/v1/feature-services/bench/features?user=${user}`, headers }),
    batchGet: (users) =>
      post('feature-services/bench/features', { entities: users.map((user) => ({ user })) }),
    readValues: (body) => Object.values((JSON.parse(body) as { features: Record<string, number> }).features),
    readRows: (body) => (JSON.parse(body) as { rows: number[][] }).rows,
    async load(client, entities) {
      await client.send(post('definitions/apply', { definitions: profileDefinitions(FEATURE_COUNT) }))
      const time = new Date(Date.now() - 60_000).toISOString()
      for (const users of chunkUsers(entities.length, PUSH_ROWS)) {
        const events = users.map((user) => ({
          time,
          user,
          ...Object.fromEntries(featureNames(FEATURE_COUNT).map((name, at) => [name, entities[user]![at]])),
        }))
        await client.send(post('sources/profiles/events', { events }))
      }
      await untilVisible(client, store, entities)
    },
    putTexts: (texts) => putTexts('ONLINE', texts),
    close: stop,
  }
  return store
}

export interface BaselineWorker extends ServingWorker {
  readonly ok: BenchRequest
  /** `batchGet` through a cache of the isolate. */
  batchGetCached(users: readonly number[]): BenchRequest
}

/** `bench/baseline/worker.ts`: one KV key per entity. */
export async function startBaseline(): Promise<BaselineWorker> {
  const { origin, putTexts, stop } = await startWorkerd('./baseline/wrangler.toml', { variables: {} })
  return {
    ok: { url: `${origin}/ok` },
    get: (user) => ({ url: `${origin}/features?key=${kvKey(user)}` }),
    batchGet: (users) => postJson(`${origin}/features`, users.map(kvKey)),
    batchGetCached: (users) => postJson(`${origin}/cached-features`, users.map(kvKey)),
    readValues: (body) => JSON.parse(body) as number[],
    readRows: (body) => JSON.parse(body) as number[][],
    load: (_client, entities) =>
      putTexts('ENTITIES', new Map(entities.map((values, user) => [kvKey(user), JSON.stringify(values)]))),
    putTexts: (texts) => putTexts('ENTITIES', texts),
    close: stop,
  }
}

/** `bench/like-for-like/worker.ts`: answers this body to whoever has the token. */
export async function startLikeForLike(
  body: string,
): Promise<{ readonly request: BenchRequest; close(): Promise<void> }> {
  const { origin, stop } = await startWorkerd('./like-for-like/wrangler.toml', {
    variables: { TOKEN, BODY: body },
  })
  return {
    request: { url: `${origin}/features?user=1`, headers: { authorization: `Bearer ${TOKEN}` } },
    close: stop,
  }
}

/** Throws unless the Worker answers the given users with their values. */
export async function checkRows(
  client: LoopClient,
  worker: ServingWorker,
  {
    users,
    valuesOf,
  }: { readonly users: readonly number[]; readonly valuesOf: (user: number) => readonly number[] },
): Promise<void> {
  const [first] = users
  const one = worker.readValues(await client.send(worker.get(first!)))
  const rows = worker.readRows(await client.send(worker.batchGet(users)))
  for (const [user, answer] of [
    [first!, one] as const,
    ...users.map((user, at) => [user, rows[at]] as const),
  ]) {
    if (isEqual(answer, valuesOf(user))) continue
    throw new Error(
      `Cannot measure: of user ${user} a Worker answers ${JSON.stringify(answer)}, ${JSON.stringify(valuesOf(user))} is right`,
    )
  }
}

/** Never a bare number: workerd's bulk get leaves keys such as `12` out of its answer. */
export function kvKey(user: number): string {
  return `user/${user}`
}

async function untilVisible(
  client: LoopClient,
  store: ServingWorker,
  entities: readonly (readonly number[])[],
): Promise<void> {
  const endMs = performance.now() + VISIBLE_MS_MAX
  for (const users of chunkUsers(entities.length, CHECKED_ROWS)) {
    for (;;) {
      const rows = store.readRows(await client.send(store.batchGet(users)))
      if (users.every((user, at) => isEqual(rows[at], entities[user]!))) break
      if (performance.now() > endMs) throw new Error('Cannot load entities: they do not become visible')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

function chunkUsers(entityCount: number, size: number): number[][] {
  return Array.from({ length: Math.ceil(entityCount / size) }, (_, chunk) =>
    Array.from({ length: Math.min(size, entityCount - chunk * size) }, (_, at) => chunk * size + at),
  )
}

function isEqual(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a?.length === b.length && b.every((value, at) => a[at] === value)
}

function postJson(url: string, body: unknown): BenchRequest {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }
  return { url, method: 'POST', headers, body: JSON.stringify(body) }
}
