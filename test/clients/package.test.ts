import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Harness, startHarness, TOKEN } from '../worker/harness.ts'
import { type Outcome, runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
/** npm installs twice, and each command is a process of its own: seconds, but for a machine that has much else to do. */
const SHELL_MS_MAX = 300_000
/** The Node of this repository, which reads TypeScript, before any other. */
const PATH = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter)
const execute = promisify(execFile)

let folder: string
let harness: Harness

/** Packs the package as `npm publish` would; tests install it in empty folders, zod from npm's registry or cache. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  const { stdout } = await execute('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
    cwd: ROOT,
    env: { ...process.env, PATH },
  })
  expect(stdout).toContain('featheredge-0.1.0.tgz')
  harness = await startHarness()
}, SHELL_MS_MAX)
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, force: true })
})

const command = (...args: readonly string[]) => runCommand(harness.url.href, args)

/** An empty folder with the tarball and nothing else. */
async function emptyFolder(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  await execute('cp', [join(folder, 'featheredge-0.1.0.tgz'), path])
  return path
}

/** Runs lines of a shell, which ends at the first that fails. */
async function shell(lines: string, cwd: string, path: string): Promise<Outcome> {
  const env = { ...process.env, PATH: path, npm_config_prefer_offline: 'true' }
  return execute('bash', ['-euc', lines], { cwd, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  )
}

/** The README's lines for the package, as they are printed but for the address. */
async function readmeLines(): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [, lines] = /```bash\n(npm install \.\/featheredge[\s\S]*?)```/.exec(readme)!
  const printed = `export FEATHEREDGE_TOKEN=local FEATHEREDGE_URL=http://127.0.0.1:8787\n`
  expect(lines).toContain(printed)
  const ours = `export FEATHEREDGE_TOKEN=${TOKEN} FEATHEREDGE_URL=${harness.url.href}\n`
  return lines!.replace(printed, ours)
}

test("in an empty folder, the README's lines install the package, then init, plan, apply and get", {
  timeout: SHELL_MS_MAX,
}, async () => {
  const ran = await shell(await readmeLines(), await emptyFolder('readme'), PATH)
  expect(ran, ran.stderr + ran.stdout).toMatchObject({ code: 0 })
  expect(ran.stdout).toContain('Wrote definitions.mts. Next: featheredge plan, then featheredge apply')
  expect(ran.stdout).toContain('+ feature_view/last_click  additive')
  expect(ran.stdout).toContain('Generation 1 is in force')
  expect(ran.stdout).toMatch(/\nfeature +value +status +event time\nprice +missing/)
})

test('in a project of npm init, on every Node from 20 on, the package does what it does elsewhere', {
  timeout: SHELL_MS_MAX,
}, async () => {
  const cwd = await emptyFolder('project')
  const node = await olderNode()
  const { stdout: version } = await execute(node, ['--version'])
  expect(Number(/^v(\d+)/.exec(version)![1])).toBeGreaterThanOrEqual(20)
  const path = [join(node, '..'), process.env.PATH].join(delimiter)
  const lines = await readmeLines()
  const ran = await shell(`npm init -y >/dev/null\n${lines}npx featheredge diff`, cwd, path)
  expect(ran, ran.stderr + ran.stdout).toMatchObject({ code: 0 })
  const hasTypes = (await execute(node, ['-p', 'process.features.typescript'])).stdout !== 'undefined\n'
  expect(ran.stdout).toContain(`Wrote definitions.${hasTypes ? 'mts' : 'mjs'}`)
  // The definitions are those of the other folder: they are in force already.
  expect(ran.stdout).toContain('Generation 1 stays in force')
  expect(ran.stdout).toMatch(/No difference\n$/)
  const typed = await shell('mv definitions.m?s definitions.ts; npx featheredge plan', cwd, path)
  expect(typed.code).toBe(hasTypes ? 1 : 2)
  expect(typed.stderr).toMatch(/name it \.mts or \.mjs|reads no TypeScript: take 22\.18 or later/)
})

/** Where the machine's own Node is, which may be older than that of this repository; the latter where there is none. */
async function olderNode(): Promise<string> {
  const { stdout } = await execute('bash', ['-c', 'type -ap node'])
  const places = stdout.trim().split('\n')
  return places.find((place) => !place.startsWith(ROOT)) ?? places[0]!
}

test('exit codes are honest: 1 what the store refuses, 2 wrong usage', async () => {
  expect(await command('get', 'rankr', 'user=ann')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('did you mean "ranker"?'),
  })
  expect(await command('get', 'ranker', 'user')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"user" is no name=value'),
  })
  expect(await command('get')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('<service> is needed'),
  })
  expect(await command('validate', 'gone.json')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no file "gone.json"'),
  })
  expect(await command('plann')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no command "plann"'),
  })
  expect((await command('search', 'x', '--token', 'wrong', '--json')).stderr).toContain('unauthenticated')
  expect((await command('search', 'x', '--url', 'http://127.0.0.1:1')).stderr).toContain('Cannot reach')
  expect((await command('search', 'nothing_of_this_name')).code).toBe(1)
  const found = await command('search', 'clikcs', '--json')
  expect(JSON.parse(found.stdout).results[0]).toMatchObject({ kind: 'source', name: 'clicks' })
})

test.each([
  ['bad.json', '{"entities":[{"name":"Bad","join_keys":[]}]}', 'bad.json: entities.0.name'],
  ['torn.json', '{"entities":', 'torn.json: it is no JSON'],
  ['none.mjs', 'export const one = 1', 'none.mjs: it exports no definitions'],
  ['odd.mjs', 'export default entityy', 'odd.mjs: entityy is not defined'],
])('validate says what is wrong with %s', async (name, content, named) => {
  const path = join(folder, name)
  await writeFile(path, content)
  expect(await command('validate', path)).toMatchObject({ code: 1, stderr: expect.stringContaining(named) })
})
