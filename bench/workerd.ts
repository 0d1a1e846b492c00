import { execFile } from 'node:child_process'
import { rmSync, statfsSync } from 'node:fs'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { blockHead } from '../src/core/block.ts'

const ROOT = join(import.meta.dirname, '..')
const PUTS_AT_ONCE = 100
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')

export interface Workerd {
  /** Of a socket of workerd that leads to the Worker itself. */
  readonly origin: string
  /** Puts texts straight into a namespace of the Worker. */
  putTexts(binding: string, texts: ReadonlyMap<string, string>): Promise<void>
  stop(): Promise<void>
}

export interface WorkerdOptions {
  readonly variables: Readonly<Record<string, string>>
  /** The D1 binding the migrations are applied to. */
  readonly migrated?: string
  /** Takes the place of the configuration's `main`. */
  readonly main?: string
}

/**
 * Runs a Worker as `wrangler deploy` would upload it. Neither `wrangler dev` nor its test harness serves here: their
 * proxy and request log cost milliseconds a request, and every ratio came out near 1. State is in memory and a
 * temporary folder, in memory too where there is enough: this machine's disk is no part of either side.
 */
export async function startWorkerd(configPath: string, options: WorkerdOptions): Promise<Workerd> {
  // Miniflare would otherwise fetch a sample of `request.cf` from the network.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'
  keepStoresInMemory()
  const config = join(import.meta.dirname, configPath)
  const main = options.main === undefined ? [] : [join(import.meta.dirname, options.main)]
  const { folder, script } = await build(config, main)
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      logRequests: false,
      workers: [
        {
          ...workerOptions,
          name: 'worker',
          modules: [{ type: 'ESModule', path: join(folder, script) }],
          modulesRoot: folder,
          bindings: { ...options.variables },
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  )
  await miniflare.ready
  if (options.migrated !== undefined) await migrate(await miniflare.getD1Database(options.migrated))
  return {
    origin: (await miniflare.unsafeGetDirectURL('worker')).origin,
    async putTexts(binding, texts) {
      const namespace = await miniflare.getKVNamespace(binding)
      const entries = [...texts]
      for (let at = 0; at < entries.length; at += PUTS_AT_ONCE) {
        const chunk = entries.slice(at, at + PUTS_AT_ONCE)
        await Promise.all(chunk.map(([key, text]) => namespace.put(key, text, optionsOf(key, text))))
      }
    },
    stop: () => miniflare.dispose(),
  }
}

/** The folder of files in memory, and how much room the largest of the benches' stores may need there. */
const MEMORY_FOLDER = '/dev/shm'
const MEMORY_BYTES_MIN = 4_000_000_000

function keepStoresInMemory(): void {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER)
    if (bavail * bsize >= MEMORY_BYTES_MIN) process.env.TMPDIR = MEMORY_FOLDER
  } catch {
    // No such folder: they stay on the disk.
  }
}

/** Blocks have their head beside them, as when a writer puts them. */
function optionsOf(key: string, text: string) {
  return key.startsWith('block/') ? { metadata: blockHead(text) } : {}
}

interface Build {
  readonly folder: string
  readonly script: string
}

const builds = new Map<string, Promise<Build>>()

/** Built once, however many rows start the Worker. */
function build(config: string, main: readonly string[]): Promise<Build> {
  const name = [config, ...main].join()
  const built = builds.get(name) ?? buildOnce(config, main)
  builds.set(name, built)
  return built
}

async function buildOnce(config: string, main: readonly string[]): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'featheredge-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await promisify(execFile)(
    process.execPath,
    [WRANGLER, 'deploy', ...main, '--dry-run', '--outdir', folder, '--config', config],
    { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: 'false' } },
  )
  const script = (await readdir(folder)).find((name) => name.endsWith('.js'))!
  return { folder, script }
}

async function migrate(database: Pick<D1Database, 'exec'>): Promise<void> {
  const folder = join(ROOT, 'migrations')
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()) {
    const text = await readFile(join(folder, name), 'utf8')
    // D1's exec takes a statement a line.
    for (const statement of text.split('--> statement-breakpoint')) {
      await database.exec(
        statement
          .replaceAll(/^--.*$/gm, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      )
    }
  }
}
