// Checks of the repository itself: its layering, its sizes and its names.
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

/** What each part of src may import. The order is the diagram in docs/architecture.md, bottom first. */
const BELOW = ['core', 'definitions', 'platform.ts']
const VERBS = [...BELOW, 'registry']
const LAYERS: Record<string, readonly string[]> = {
  core: [],
  definitions: ['core'],
  platform: ['core', 'definitions'],
  'platform.ts': ['core', 'definitions', 'platform'],
  registry: BELOW,
  ingest: VERBS,
  batch: VERBS,
  online: VERBS,
  offline: VERBS,
  catalog: VERBS,
  auth: VERBS,
  monitoring: VERBS,
  http: [...VERBS, 'ingest', 'batch', 'online', 'offline', 'catalog', 'auth', 'monitoring'],
  cloudflare: [...VERBS, 'ingest', 'batch', 'online', 'offline'],
  'index.ts': ['http', 'cloudflare'],
}

/** Packages that only one layer may import; every other layer is kept free of them. */
const PACKAGE_OWNERS: Record<string, string> = {
  hono: 'http',
  'drizzle-orm': 'cloudflare',
  'cloudflare:workers': 'cloudflare',
  hyparquet: 'core',
  'hyparquet-compressors': 'core',
  'hyparquet-writer': 'core',
}

/** Sources of surprise. Below the edges, time and randomness come in through `platform.ts`. */
const SURPRISES = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bcrypto\.|\bfetch\(|\bconsole\./

const LINES_PER_FILE_MAX = 300
const VAGUE_NAMES = /^(utils?|helpers?|common|misc|shared|lib|manager|base|data|info|handle|process)$/

const files = globSync('src/**/*.{ts,tsx}', { exclude: ['**/*.d.ts'] })
const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))
const imports = new Map(files.map((file) => [file, importsOf(file)]))

test('every import follows the layers', () => {
  const violations = files.flatMap((file) =>
    imports
      .get(file)!
      .local.filter((target) => {
        const [from, to] = [layerOf(file), layerOf(target)]
        return from !== to && !LAYERS[from]?.includes(to)
      })
      .map((target) => `${file} -> ${target}`),
  )
  expect(violations).toEqual([])
})

test('each package is imported by the one layer that owns it', () => {
  const violations = files.flatMap((file) =>
    imports
      .get(file)!
      .packages.filter((name) => ![undefined, layerOf(file)].includes(PACKAGE_OWNERS[packageOf(name)]))
      .map((name) => `${file} -> ${name}`),
  )
  expect(violations).toEqual([])
})

test('below the edges, code is a function of its input', () => {
  const edges = ['http', 'cloudflare', 'index.ts']
  const violations = files.filter(
    (file) => !edges.includes(layerOf(file)) && SURPRISES.test(sources.get(file)!),
  )
  expect(violations).toEqual([])
})

test('no file imports itself through others, not even for types', () => {
  expect(files.filter((file) => reaches(file, file))).toEqual([])
})

test('every file is imported, small and named for what it does', () => {
  const imported = new Set([...imports.values()].flatMap(({ local }) => local))
  expect(files.filter((file) => file !== 'src/index.ts' && !imported.has(file))).toEqual([])
  expect(files.filter((file) => sources.get(file)!.split('\n').length > LINES_PER_FILE_MAX)).toEqual([])
  expect(
    files.filter((file) => file.split('/').some((part) => VAGUE_NAMES.test(basename(part, '.ts')))),
  ).toEqual([])
})

test('serving and the write path have no parser in their import graph (S25)', () => {
  const parser = 'src/core/sql/parse-expression.ts'
  const doors = globSync('src/{online,ingest,offline}/*.ts')
  expect(reaches('src/definitions/compile.ts', parser)).toBe(true)
  expect(doors.filter((file) => reaches(file, parser))).toEqual([])
})

test('the map in README.md names every part of src', () => {
  const mapped = [...readFileSync('README.md', 'utf8').matchAll(/^\| `([^`]+?)\/?` \|/gm)].map(
    (match) => match[1],
  )
  expect(mapped.sort()).toEqual([...new Set(files.map(layerOf))].sort())
  expect(mapped).toEqual(Object.keys(LAYERS).sort())
})

/** The top-level entry of src that a file belongs to: a folder name, or the name of a root file. */
function layerOf(file: string): string {
  return file.split('/')[1]!
}

/** `hono/jsx` belongs to `hono`, `@scope/name/part` to `@scope/name`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}

function importsOf(file: string) {
  const statements = sources.get(file)!.matchAll(/^(?:import|export)\b[^'"]*?from\s*'([^']+)'/gm)
  const specifiers = [...statements].map((match) => match[1]!)
  return {
    local: specifiers
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(file), name))),
    packages: specifiers.filter((name) => !name.startsWith('.')),
  }
}

function reaches(from: string, target: string, seen = new Set<string>()): boolean {
  return imports.get(from)!.local.some((next) => {
    if (next === target) return true
    if (seen.has(next)) return false
    seen.add(next)
    return reaches(next, target, seen)
  })
}
