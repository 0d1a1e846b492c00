import { writeParquet } from '../src/core/parquet.ts'
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

/** What the store's writers have taken and put so far. */
export interface StoreRecord {
  /** When the last delivery was committed: its rows are readable with strong consistency. */
  readonly committedMs: number
  readonly putCount: number
  /** Characters of all puts. */
  readonly putChars: number
  /** When KV answered the last put. */
  readonly putMs: number
  readonly segmentRows: number
  /** When the last segments were entered into the manifest; null when there is none. */
  readonly segmentMs: number | null
}

export interface StoreWorker extends ServingWorker {
  apply(client: LoopClient): Promise<void>
  /** `batchGet` of a service by name. */
  batchGetOf(service: string, users: readonly number[]): BenchRequest
  /** A push of these users' values, all of one event time. */
  push(users: readonly number[], valuesOf: (user: number) => readonly number[]): BenchRequest
  /** Lands all users' values, of one event time, as a Parquet file of that name; resolves when it has been loaded. */
  loadFile(client: LoopClient, name: string, entities: readonly (readonly number[])[]): Promise<void>
  /** Resolves when every user can be read. */
  untilVisible(client: LoopClient, entities: readonly (readonly number[])[]): Promise<void>
  /** Only of a recorded store. */
  readRecord(client: LoopClient): Promise<StoreRecord>
}

export interface StoreOptions {
  /** Runs `bench/recorded/worker.ts`, which counts what the writers put. */
  readonly isRecorded?: boolean
  readonly variables?: Readonly<Record<string, string>>
}

/** The store as it is deployed, from `wrangler.toml`. */
export async function startStore({
  isRecorded = false,
  variables = {},
}: StoreOptions = {}): Promise<StoreWorker> {
  const { origin, putTexts, stop } = await startWorkerd('../wrangler.toml', {
    variables: { ADMIN_TOKEN: TOKEN, ...variables },
    migrated: 'DB',
    ...(isRecorded ? { main: './recorded/worker.ts' } : {}),
  })
  const post = (path: string, body: unknown) => postJson(`${origin}/v1/${path}`, body)
  const headers = { authorization: `Bearer ${TOKEN}` }
  const store: StoreWorker = {
    get: (user) => ({ url: `${origin}/v1/feature-services/bench/features?user=${user}`, headers }),
    batchGet: (users) => store.batchGetOf('bench', users),
    batchGetOf: (service, users) =>
      post(`feature-services/${service}/features`, { entities: users.map((user) => ({ user })) }),
    readValues: (body) => Object.values((JSON.parse(body) as { features: Record<string, number> }).features),
    readRows: (body) => (JSON.parse(body) as { rows: number[][] }).rows,
    async apply(client) {
      await client.send(post('definitions/apply', { definitions: profileDefinitions(FEATURE_COUNT) }))
    },
    push(users, valuesOf) {
      return post('sources/profiles/events', { events: profileEvents(users, valuesOf) })
    },
    async loadFile(client, name, entities) {
      const body = profilesFile(entities)
      const landed = await fetch(`${origin}/v1/sources/profiles/files/${name}`, {
        method: 'PUT',
        headers,
        body,
      })
      if (!landed.ok) throw new Error(`Cannot land "${name}": ${await landed.text()}`)
      const started = await client.send(post('sources/profiles/loads', { files: [name] }))
      const { loads } = JSON.parse(started) as { loads: { id: string }[] }
      await untilLoaded(client, { url: `${origin}/v1/loads/${loads[0]!.id}`, headers })
    },
    untilVisible: (client, entities) => untilVisible(client, store, entities),
    async readRecord(client) {
      return JSON.parse(await client.send({ url: `${origin}/recorded` })) as StoreRecord
    },
    async load(client, entities) {
      await store.apply(client)
      for (const users of chunkUsers(entities.length, PUSH_ROWS))
        await client.send(store.push(users, (user) => entities[user]!))
      await store.untilVisible(client, entities)
    },
    putTexts: (texts) => putTexts('ONLINE', texts),
    close: stop,
  }
  return store
}

/** Rows of the benches' source, as a client pushes them. */
export function profileEvents(
  users: readonly number[],
  valuesOf: (user: number) => readonly number[],
): Record<string, unknown>[] {
  const names = featureNames(FEATURE_COUNT)
  const time = new Date(Date.now() - 60_000).toISOString()
  return users.map((user) => {
    const values = valuesOf(user)
    return { time, user, ...Object.fromEntries(names.map((name, at) => [name, values[at]])) }
  })
}

function profilesFile(entities: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const timeUs = (Date.now() - 60_000) * 1_000
  return new Uint8Array(
    writeParquet([
      { name: 'time', type: 'timestamp', values: entities.map(() => timeUs) },
      { name: 'user', type: 'int64', values: entities.map((_, user) => BigInt(user)) },
      ...featureNames(FEATURE_COUNT).map((name, at) => ({
        name,
        type: 'float64' as const,
        values: entities.map((values) => values[at]!),
      })),
    ]),
  )
}

async function untilLoaded(client: LoopClient, load: BenchRequest): Promise<void> {
  const endMs = performance.now() + VISIBLE_MS_MAX
  for (;;) {
    const { status, error } = JSON.parse(await client.send(load)) as { status: string; error: string | null }
    if (status === 'succeeded') return
    if (status === 'failed' || performance.now() > endMs) throw new Error(`The load is ${status}: ${error}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** What the queue of the baseline has been given and has delivered so far, in messages. */
export interface QueueRecord {
  readonly sentCount: number
  readonly ackedCount: number
  /** When the last of them were acknowledged. */
  readonly ackedMs: number
}

export interface BaselineWorker extends ServingWorker {
  readonly ok: BenchRequest
  /** The push that the store is sent, too; each event becomes a message. */
  push(users: readonly number[], valuesOf: (user: number) => readonly number[]): BenchRequest
  /** The same push, its events packed into as few messages as will hold them. */
  pushPacked(users: readonly number[], valuesOf: (user: number) => readonly number[]): BenchRequest
  /** Puts messages into its queue as they are. */
  sendMessages(bodies: readonly string[]): BenchRequest
  /** Puts so many texts of that length to its KV; the answer comes when KV has them. */
  putTextsInside(options: { readonly count: number; readonly chars: number }): BenchRequest
  readRecord(client: LoopClient): Promise<QueueRecord>
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
    push: (users, valuesOf) => postJson(`${origin}/events`, { events: profileEvents(users, valuesOf) }),
    pushPacked: (users, valuesOf) =>
      postJson(`${origin}/packed-events`, { events: profileEvents(users, valuesOf) }),
    putTextsInside: (options) => postJson(`${origin}/puts`, options),
    sendMessages: (bodies) => postJson(`${origin}/messages`, bodies),
    async readRecord(client) {
      return JSON.parse(await client.send({ url: `${origin}/recorded` })) as QueueRecord
    },
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

/** The users 0 to `entityCount` in runs of so many. */
export function chunkUsers(entityCount: number, size: number): number[][] {
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
