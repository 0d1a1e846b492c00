import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createTestHarness } from 'wrangler'
import type { Env } from '../../src/cloudflare/env.ts'

process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'

/** An answer of the Worker: its text, and the same as JSON (undefined when it is none). */
export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: T
}

export interface ErrorBody {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
    readonly request_id: string
  }
}

/** Headers of a request; null leaves out one that is sent by default. */
export type GivenHeaders = Readonly<Record<string, string | null>>

export interface Harness {
  /** Sends a request with the administrator's token; text and bytes go as they are, anything else as JSON. */
  call<T = unknown>(method: string, path: string, body?: unknown, headers?: GivenHeaders): Promise<Answer<T>>
  /** Where it listens. */
  readonly url: URL
  /** The Worker's bindings, as the Worker has them. */
  readonly env: Env
  readonly server: ReturnType<typeof createTestHarness>
  close(): Promise<void>
}

export const TOKEN = 'test'

export interface HarnessOptions {
  /** Null is none: an empty one, which what `npm run dev` has put into `.dev.vars` does not fill in. */
  readonly token?: string | null
  readonly variables?: Readonly<Record<string, string>>
  /** Other Workers, by the name of the service binding that leads to each. */
  readonly services?: Readonly<Record<string, { readonly name: string; readonly configPath: string }>>
  /** Of the Worker itself, where it is not the repository's. */
  readonly configPath?: string
}

/** The whole Worker under workerd, D1 migrated, everything in memory. */
export async function startHarness({
  token = TOKEN,
  variables = {},
  services = {},
  configPath = './wrangler.toml',
}: HarnessOptions = {}): Promise<Harness> {
  const vars = { SEGMENT_AGE_MS: '1000', ...variables, ADMIN_TOKEN: token ?? '' }
  const others = Object.values(services)
  const bindingOverrides = Object.fromEntries(
    Object.entries(services).map(([binding, { name }]) => [binding, name]),
  )
  const server = createTestHarness({
    workers: [{ configPath, vars, bindingOverrides }, ...others.map(({ configPath }) => ({ configPath }))],
  })
  const { url } = await server.listen()
  const worker = server.getWorker<Env>()
  await worker.applyD1Migrations('DB')
  return {
    url,
    async call<T>(method: string, path: string, body?: unknown, headers: GivenHeaders = {}) {
      const given = Object.entries({ authorization: `Bearer ${TOKEN}`, ...headers })
      const response = await fetch(new URL(path, url), {
        method,
        headers: given.filter((header): header is [string, string] => header[1] !== null),
        ...(body === undefined ? {} : { body: encodeBody(body) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, json: parse(text) as T }
    },
    env: (await worker.getEnv()) as Env,
    server,
    close: () => server.close(),
  }
}

/** Writes the repository's configuration into a folder, but for the Worker's own module. Answers its path. */
export async function writeConfig(folder: string, main: string): Promise<string> {
  const path = join(folder, 'wrangler.toml')
  const config = (await readFile('wrangler.toml', 'utf8'))
    .replace('"src/index.ts"', JSON.stringify(resolve(main)))
    .replace('"migrations"', JSON.stringify(resolve('migrations')))
  await writeFile(path, config)
  return path
}

/** Reads again and again until what it reads is as wanted. Throws with the last thing read past the deadline. */
export async function until<T>(
  read: () => Promise<T>,
  isWanted: (found: T) => boolean,
  deadlineMs: number,
): Promise<T> {
  const endMs = Date.now() + deadlineMs
  for (;;) {
    const found = await read()
    if (isWanted(found)) return found
    if (Date.now() > endMs) throw new Error(`Not so within ${deadlineMs} ms: ${JSON.stringify(found)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function encodeBody(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
