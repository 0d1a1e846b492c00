import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
/** Nothing of a local run leaves the loopback address. */
const OFFLINE = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
}
/** It bundles the Worker first: on a busy machine that takes its time. */
const START_MS_MAX = 180_000
/** All instances of a local run are in one isolate: parts of a load would take turns and gain nothing. */
const LOCAL_VARIABLES = { LOAD_PARTS: '1' }

export interface LocalWorker {
  readonly url: string
  /** Runs Cron once, as the platform does every minute. */
  tick(): Promise<void>
  /** Ends the Worker; its state stays in its folder. */
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

export interface LocalWorkerOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Folder of KV, D1, R2 and the writers' state. */
  readonly state: string
  readonly token: string
  readonly variables?: Readonly<Record<string, string>>
  /** Where it is not the repository's. */
  readonly configPath?: string
  /** True where the state has had all migrations: they need not be looked at again. */
  readonly isMigrated?: boolean
}

/** Applies the migrations and starts the Worker under workerd; resolves when it answers. */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const persist = ['--persist-to', options.state]
  if (options.isMigrated !== true)
    await runWrangler(['d1', 'migrations', 'apply', 'DB', '--local', ...persist])
  for (let attempt = 1; ; attempt++) {
    try {
      return await startWrangler(options)
    } catch (error) {
      // Between the look for a free port and its use, somebody else may have taken it.
      const isTaken = options.port === 0 && String(error).includes('Address already in use')
      if (!isTaken || attempt === START_ATTEMPTS_MAX) throw error
    }
  }
}

const START_ATTEMPTS_MAX = 3

async function startWrangler(options: LocalWorkerOptions): Promise<LocalWorker> {
  const port = options.port === 0 ? await freePort() : options.port
  const persist = ['--persist-to', options.state]
  const variables = Object.entries({ ...LOCAL_VARIABLES, ADMIN_TOKEN: options.token, ...options.variables })
  const child = spawnWrangler([
    'dev',
    ...['--port', String(port), '--ip', '127.0.0.1', '--inspector-port', String(await freePort())],
    ...['--log-level', 'warn', '--show-interactive-dev-session=false'],
    ...variables.flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    ...persist,
    ...(options.configPath === undefined ? [] : ['--config', options.configPath]),
  ])
  const url = `http://127.0.0.1:${port}`
  await untilHealthy(url, child)
  const tick = async () => {
    await fetch(`${url}/cdn-cgi/handler/scheduled`).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    )
  }
  const timer = setInterval(tick, 60_000)
  const end = async (signal: NodeJS.Signals) => {
    clearInterval(timer)
    if (child.exitCode !== null || child.signalCode !== null) return
    // The whole group: wrangler and the workerd it started.
    process.kill(-child.pid!, signal)
    await once(child, 'exit')
  }
  return { url, tick, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** Ends the process in plain words when a port is in use: before anything of another run is touched. */
export async function expectFree(port: number): Promise<void> {
  try {
    await freePort(port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    console.error(
      `Cannot listen on 127.0.0.1:${port}: something does already, perhaps another run. End it, or name another port: -- --port ${port + 1}`,
    )
    process.exit(1)
  }
}

/** A port nobody listens on just now: the one that is wanted, or any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer().listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** The value after `--name` on the command line. */
export function argument(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function spawnWrangler(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, ...OFFLINE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function runWrangler(args: readonly string[]): Promise<void> {
  const child = spawnWrangler(args)
  let output = ''
  child.stdout!.on('data', (part) => {
    output += part
  })
  child.stderr!.on('data', (part) => {
    output += part
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`wrangler ${args.join(' ')} ended with ${code}:\n${output}`)
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  let output = ''
  const show = (part: Buffer) => {
    output += part
    // Once it runs, what it says is for the reader.
    if (isHealthy) process.stderr.write(part)
  }
  let isHealthy = false
  child.stdout!.on('data', show)
  child.stderr!.on('data', show)
  for (const endMs = Date.now() + START_MS_MAX; Date.now() < endMs; ) {
    if (child.exitCode !== null) break
    isHealthy = await fetch(`${url}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (isHealthy) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.kill('SIGKILL')
  throw new Error(`The Worker did not start on ${url}:\n${output}`)
}
