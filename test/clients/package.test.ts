import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../clients/cli/run.ts'
import { type Harness, startHarness, TOKEN } from '../worker/harness.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = join(ROOT, 'node_modules/.bin/node')
const execute = promisify(execFile)

let folder: string
let harness: Harness
let url: string

/** The package as a user has it: packed, unpacked in an empty project, zod beside it and nothing else. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  const installed = join(folder, 'node_modules')
  await mkdir(join(installed, 'featheredge'), { recursive: true })
  const { stdout } = await execute('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}` },
  })
  const [tarball] = /featheredge-[\d.]+\.tgz/.exec(stdout) ?? []
  await execute('tar', [
    '-xzf',
    join(folder, tarball!),
    '-C',
    join(installed, 'featheredge'),
    '--strip-components=1',
  ])
  await cp(join(ROOT, 'node_modules/zod'), join(installed, 'zod'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  harness = await startHarness()
  url = String((await harness.server.listen()).url)
})
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, force: true })
})

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function featheredge(...args: readonly string[]): Promise<Outcome> {
  const manifest = JSON.parse(await readFile(join(folder, 'node_modules/featheredge/package.json'), 'utf8'))
  const bin = join(folder, 'node_modules/featheredge', manifest.bin.featheredge)
  const env = { PATH: process.env.PATH, FEATHEREDGE_URL: url, FEATHEREDGE_TOKEN: TOKEN }
  return execute(NODE, ['--no-warnings', bin, ...args], { cwd: folder, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  )
}

/** The same command line without a process of its own. */
async function command(...args: readonly string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text
    },
  })
  const env = { FEATHEREDGE_URL: url, FEATHEREDGE_TOKEN: TOKEN }
  const code = await run(args, { env, stdout: stream('stdout'), stderr: stream('stderr') })
  return { code, ...written }
}

test('in an empty folder, init, plan, apply and get work as the README says', async () => {
  expect(await featheredge('init')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Wrote definitions.ts'),
  })
  const planned = await featheredge('plan')
  expect(planned, planned.stderr).toMatchObject({ code: 0 })
  expect(planned.stdout).toContain('+ feature_view/last_click  additive')
  expect((await featheredge('diff')).code).toBe(3)
  const applied = await featheredge('apply')
  expect(applied, applied.stderr).toMatchObject({ code: 0 })
  expect(applied.stdout).toContain('Generation 1 is in force')
  expect(await featheredge('diff')).toMatchObject({ code: 0, stdout: 'No difference\n' })
  const got = await featheredge('get', 'ranker', 'user=ann')
  expect(got, got.stderr).toMatchObject({ code: 0 })
  expect(got.stdout).toMatch(/^feature +value +status +event time\nprice +missing/)
  const json = await featheredge('get', 'ranker', 'user=ann', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ features: { price: null }, statuses: { price: 'missing' } })
})

test('search, lineage and cost answer people and programs', async () => {
  const found = await command('search', 'clikcs', '--json')
  expect(JSON.parse(found.stdout).results[0]).toMatchObject({ kind: 'source', name: 'clicks' })
  expect((await command('lineage', 'source', 'clicks')).stdout).toContain('feature_service/ranker')
  expect(
    (await command('cost', join(ROOT, 'examples/flights/definitions.ts'), '--events', '1000')).stdout,
  ).toContain('airport/main')
  expect((await command('search', 'nothing_of_this_name')).code).toBe(1)
})

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
  expect(await command('plan', '--colour')).toMatchObject({ code: 2 })
  expect(await command('plann')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no command "plann"'),
  })
  expect((await command('search', 'x', '--token', 'wrong', '--json')).stderr).toContain('unauthenticated')
  expect((await command('search', 'x', '--url', 'http://127.0.0.1:1')).stderr).toContain('Cannot reach')
  const bad = join(folder, 'bad.json')
  await writeFile(bad, '{"entities":[{"name":"Bad","join_keys":[]}]}')
  expect(await command('validate', bad)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('bad.json: entities.0.name'),
  })
})

test('doctor says what is wrong', async () => {
  const good = await command('doctor')
  expect(good, good.stdout).toMatchObject({ code: 0 })
  const bad = await command('doctor', '--token', 'wrong')
  expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining('bad   token') })
})
