import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../clients/cli/run.ts'
import { type Harness, startHarness, TOKEN, until } from '../worker/harness.ts'
import { type Outcome, runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = join(ROOT, 'node_modules/.bin/node')
const READABLE_MS = 180_000
const CLICK = { at: new Date(Date.now() - 60_000).toISOString(), user: 'ann', price: 9.5 }
const LABEL = { user: 'ann', event_time: new Date(Date.now() - 1_000).toISOString() }

const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string', required: true },
        { name: 'price', type: 'float64' },
      ],
      landing: { format: 'ndjson' },
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      owner: 'growth',
      features: [{ name: 'price', type: 'float64', sql: 'price' }],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }] }],
}
const CHANGED = {
  ...DEFINITIONS,
  feature_views: [
    { ...DEFINITIONS.feature_views[0]!, features: [{ name: 'cents', type: 'float64', sql: 'price * 100' }] },
  ],
}

let folder: string
let harness: Harness

const featheredge = (...args: readonly string[]) => runCommand(harness.url.href, args)

/** A file of the folder, written as JSON unless it is text already. */
async function write(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** What a command wrote with `--json`: one document and nothing else. */
function jsonOf<T>({ code, stdout, stderr }: Outcome): T {
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as T
}

function expectDone(outcome: Outcome, stdout: RegExp | string): void {
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  expect(outcome.stdout).toMatch(stdout)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-'))
  harness = await startHarness()
  const applied = await featheredge('apply', await write('first.json', DEFINITIONS))
  expectDone(applied, /Generation 1 is in force/)
  const pushed = await harness.call('POST', '/v1/sources/clicks/events', { events: [CLICK] })
  expect(pushed.status, pushed.text).toBe(202)
  await until(
    () => featheredge('get', 'ranker', 'user=ann'),
    ({ stdout }) => stdout.includes('present'),
    READABLE_MS,
  )
  // A plan counts the rows in the log, and not those that have yet to come there.
  const logged = "SELECT count(*) AS count FROM segments WHERE path LIKE 'log/%'"
  await until(
    () => harness.env.DB.prepare(logged).first<number>('count'),
    (count) => count === 1,
    READABLE_MS,
  )
})
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, force: true })
})

test('validate counts what a file defines, and lists every fault of a bad one', async () => {
  const good = await write('first.json', DEFINITIONS)
  expectDone(await featheredge('validate', good), /^Valid: 1 entities, 1 sources, 1 feature views/)
  expect(jsonOf(await featheredge('validate', good, '--json'))).toMatchObject({
    feature_services: [{ name: 'ranker' }],
  })
  const services = [
    { name: 'ranker', features: [{ view: 'last_clik' }] },
    { name: 'Bad', features: [] },
  ]
  const bad = await write('bad.json', { ...DEFINITIONS, feature_services: services })
  const refused = await featheredge('validate', bad, '--json')
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(JSON.parse(refused.stderr).error.details.problems).toEqual([
    expect.stringContaining('feature_services.1.name'),
    expect.stringContaining('feature_services.1.features'),
  ])
})

test('plan, diff and apply tell of a breaking change, which needs --allow-breaking (S32)', async () => {
  const changed = await write('changed.json', CHANGED)
  const planned = await featheredge('plan', changed)
  expectDone(planned, /^~ feature_view\/last_click {2}\S+\n/)
  expect(planned.stdout).toContain('Applying this needs --allow-breaking')
  expect(planned.stdout).toMatch(/to be filled +rows +KV puts, at most/)
  expect(planned.stdout).toContain('    version 2 takes the place of version 1 once it is filled\n')
  const plan = jsonOf<{ generation: number; changes: object[] }>(await featheredge('plan', changed, '--json'))
  expect(plan).toMatchObject({ generation: 1 })
  const diff = await featheredge('diff', changed)
  expect([diff.code, diff.stdout]).toEqual([3, expect.stringContaining('cents')])
  expect(JSON.parse((await featheredge('diff', changed, '--json')).stdout).changes).toEqual(plan.changes)
  const refused = await featheredge('apply', changed)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/feature_view\/last_click, .* would break, allow_breaking is needed/),
  })
  expect(JSON.parse((await featheredge('apply', changed, '--json')).stderr).error).toMatchObject({
    code: 'failed_precondition',
    details: { breaking: expect.any(Array) },
  })
  expectDone(await featheredge('apply', changed, '--allow-breaking'), /Generation 2 is in force/)
})

test('plan hints at a rename, and warns of what leads nowhere', async () => {
  const renamed = await write('renamed.json', {
    ...DEFINITIONS,
    feature_views: [{ ...CHANGED.feature_views[0]!, name: 'newest_click' }],
    feature_services: [],
  })
  const { code, stdout } = await featheredge('plan', renamed)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^- feature_view\/last_click {2}destructive\n/m)
  expect(stdout).toMatch(/^\+ feature_view\/newest_click {2}additive\n/m)
  expect(stdout).toContain(
    'but for its name it is feature_view/last_click: a rename is a delete and a create',
  )
  expect(stdout).toContain('warning feature view "newest_click" is in no feature service\n')
})

test('apply --generation puts an earlier generation in force again, and nothing else besides (S32)', async () => {
  expect((await featheredge('apply', '--generation', '1')).stderr).toContain('allow_breaking is needed')
  const applied = await featheredge('apply', '--generation', '1', '--allow-breaking', '--json')
  expect(jsonOf(applied)).toMatchObject({
    changes: [{ object: 'feature_view/last_click' }, { object: 'feature_service/ranker' }],
  })
  const file = await write('first.json', DEFINITIONS)
  expectDone(await featheredge('diff', file), 'No difference\n')
  expect(await featheredge('apply', '--generation', '99')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('generation 99'),
  })
  for (const args of [
    ['--generation', 'first'],
    ['--generation', '-1'],
    [file, '--generation', '1'],
  ]) {
    expect(await featheredge('apply', ...args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"first"|argument is ambiguous|not "[^"]+first\.json" and 1/),
    })
  }
})

test('get, batch-get and history answer the same value (S22)', async () => {
  await until(
    () => featheredge('get', 'ranker', 'user=ann'),
    ({ stdout }) => /^price +9\.5 /m.test(stdout),
    READABLE_MS,
  )
  expectDone(await featheredge('get', 'ranker', 'user=ann'), /^price +9\.5 +present +\d{4}-/m)
  expect(jsonOf(await featheredge('get', 'ranker', 'user=ann', '--json'))).toMatchObject({
    features: { price: 9.5 },
  })
  const entities = await write('entities.json', [{ user: 'ann' }, { user: 'bob' }])
  expectDone(await featheredge('batch-get', 'ranker', entities), /^user +price\nann +9\.5\nbob +null\n$/)
  expect(jsonOf(await featheredge('batch-get', 'ranker', entities, '--strong', '--json'))).toMatchObject({
    rows: [[9.5], [null]],
  })
  const labels = await write('labels.json', [LABEL])
  expectDone(await featheredge('history', 'ranker', labels), /user +event_time +price\nann +\S+Z +9\.5\n/)
  const before = ['--as-of', '2020-01-01T00:00:00Z']
  expect(jsonOf(await featheredge('history', 'ranker', labels, ...before, '--json'))).toMatchObject({
    rows: [['ann', expect.any(String), null]],
  })
})

test('batch-get reads standard input, and a process ends with the exit code', async () => {
  const send = (text: string) => {
    const args = ['--no-warnings', join(ROOT, 'clients/cli/main.ts'), 'batch-get', 'ranker', '-', '--json']
    const env = { PATH: process.env.PATH, FEATHEREDGE_URL: harness.url.href, FEATHEREDGE_TOKEN: TOKEN }
    return new Promise<Outcome>((resolve) => {
      const child = execFile(NODE, args, { env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      )
      child.stdin!.end(text)
    })
  }
  expect(jsonOf(await send('[{"user":"ann"}]'))).toMatchObject({ rows: [[9.5]] })
  const refused = await send('[{"usr":"ann"}]')
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(JSON.parse(refused.stderr).error.message).toContain('"usr"')
})

test('load lands a file, draws its progress to the end, and says what became of its rows', async () => {
  const file = await write('january.ndjson', `${JSON.stringify({ ...CLICK, user: 'bob' })}\n`)
  const loaded = await featheredge('load', 'clicks', file)
  expectDone(loaded, /\[#{30}\] 100 % january\.ndjson\n/)
  expect(loaded.stdout).toContain('1 read, 1 written, 0 rejected')
  expect(loaded.stdout).toMatch(/load-\w+ succeeded/)
  const again = await runCommand(harness.url.href, ['load', 'clicks', file], { isTTY: true })
  expect(again.stdout).toMatch(/^\r\[#+\] 100 % january\.ndjson\n/)
  expect(again.stdout).toMatch(/\u001b\[32mload-\w+ succeeded\u001b\[0m/)
  const named = ['--name', 'by-hand/bob.ndjson', '--json']
  expect(jsonOf(await featheredge('load', 'clicks', file, ...named))).toMatchObject({
    file: 'by-hand/bob.ndjson',
    status: 'succeeded',
  })
})

test('a load that fails is a failure of the command, unless --max-bad-rows lets its rows be', async () => {
  const file = await write('bad.ndjson', `${JSON.stringify(CLICK)}\n{"at":"soon","user":"ann","price":1}\n`)
  const failed = await featheredge('load', 'clicks', file)
  expect(failed.code).toBe(1)
  expect(failed.stdout).toMatch(/load-\w+ failed: .*bad/)
  const taken = await featheredge(
    'load',
    'clicks',
    file,
    '--name',
    'b.ndjson',
    '--max-bad-rows',
    '1',
    '--json',
  )
  expect(jsonOf(taken)).toMatchObject({ rows: { written: 1, rejected: 1 } })
  expect(await featheredge('load', 'clcks', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('did you mean "clicks"?'),
  })
  expect(await featheredge('load', 'clicks', join(folder, 'none.ndjson'))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/there is no file ".*none\.ndjson"/),
  })
  expect(await featheredge('load', 'clicks', file, '--max-bad-rows', 'some')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--max-bad-rows takes a whole number, not "some"'),
  })
})

test('datasets makes one to the end, lists it and shows it', async () => {
  const path = 'labels/clicks.ndjson'
  const landed = await harness.call('PUT', `/v1/files/${path}`, `${JSON.stringify(LABEL)}\n`)
  expect(landed.status, landed.text).toBe(201)
  const made = await featheredge('datasets', 'create', 'clicks', 'ranker', '--labels', path, '--statuses')
  expectDone(made, /\[#{30}\] 100 % clicks\n/)
  expect(made.stdout).toMatch(/^training\/\S+\.parquet {2}1 rows, \d+ bytes$/m)
  const [, id] = /(training-\S+) succeeded/.exec(made.stdout)!
  expectDone(await featheredge('datasets'), new RegExp(`^${id} +clicks +succeeded +1$`, 'm'))
  expectDone(await featheredge('datasets', id!), new RegExp(`${id} succeeded`))
  const snapshot = ['datasets', 'create', 'all', 'ranker', '--entities', 'user', '--at', LABEL.event_time]
  expect(jsonOf(await featheredge(...snapshot, '--json'))).toMatchObject({ status: 'succeeded' })
  expect(await featheredge('datasets', 'create', 'clicks', 'ranker')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('either --labels or --entities is needed'),
  })
  const lacking = await featheredge('datasets', 'create', 'x', 'ranker', '--labels', 'labels/none.ndjson')
  expect(lacking).toMatchObject({ code: 1, stderr: expect.stringContaining('labels/none.ndjson') })
  expect((await featheredge('datasets', 'training-none')).code).toBe(1)
  const daily = {
    name: 'daily',
    feature_service: 'ranker',
    labels: { entities: 'user' },
    schedule: '0 3 1 1 *',
  }
  const scheduled = await harness.call('POST', '/v1/training-datasets', daily)
  expect(scheduled.status, scheduled.text).toBe(202)
  const { id: schedule } = JSON.parse(scheduled.text)
  expectDone(
    await featheredge('datasets'),
    new RegExp(`^${schedule} +daily +scheduled +0 3 1 1 \\* +\\d{4}-`, 'm'),
  )
  expectDone(await featheredge('datasets', schedule), `${schedule} scheduled\n`)
  for (let at = 0; at < 100; at++)
    expect((await harness.call('POST', '/v1/training-datasets', daily)).status).toBe(202)
  const listed = JSON.parse((await featheredge('datasets', '--json')).stdout)
  expect([listed.schedules.length, listed.schedules.at(-1).id]).toEqual([101, schedule])
})

test('tokens creates one that does what it says, lists it and revokes it', async () => {
  const create = ['tokens', 'create', 'reader', '--scope', 'read', '--names', 'ranker']
  const { id, token } = jsonOf<{ id: string; token: string }>(await featheredge(...create, '--json'))
  expectDone(await featheredge('get', 'ranker', 'user=ann', '--token', token), /9\.5/)
  expect(await featheredge('search', 'click', '--token', token)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the token is limited to names'),
  })
  expectDone(await featheredge('tokens'), new RegExp(`^${id} +reader +read +ranker`, 'm'))
  expectDone(await featheredge('tokens', 'revoke', id), new RegExp(`^Revoked ${id}`))
  const listed = jsonOf<{ tokens: object[] }>(await featheredge('tokens', '--json'))
  expect(listed.tokens).toContainEqual(expect.objectContaining({ id, revoked_at: expect.any(String) }))
  expectDone(await featheredge(...create, '--expires', '2099-01-01T00:00:00Z'), /It is shown this once/)
  expect((await featheredge('tokens', 'revoke', 'none')).stderr).toContain('"none"')
  expect((await featheredge('tokens', 'create', 'x', '--scope', 'root')).code).toBe(1)
  expect(await featheredge('tokens', 'create', 'x')).toMatchObject({ code: 2 })
})

test('search filters what it finds, and lineage goes both ways, to the single feature', async () => {
  expectDone(
    await featheredge('search', 'price', '--kind', 'feature'),
    /^feature +last_click\.price +float64/m,
  )
  const mine = jsonOf<{ results: object[] }>(await featheredge('search', '--owner', 'growth', '--json'))
  expect(mine.results).toMatchObject([{ name: 'price' }, { name: 'last_click' }])
  for (const [option, value] of [
    ['--owner', 'nobody'],
    ['--tag', 'team'],
    ['--type', 'bytes'],
    ['--entity', 'other'],
  ])
    expect((await featheredge('search', 'price', option!, value!)).code).toBe(1)
  expect((await featheredge('search', 'price', '--kind', 'table')).stderr).toContain('kind')
  const traced = await featheredge('lineage', 'feature', 'last_click.price')
  expectDone(
    traced,
    /^made from\n(?:.*\n)* {2}source\/clicks\n(?:.*\n)*made into\n {2}feature_service\/ranker\n/,
  )
  expect(jsonOf(await featheredge('lineage', 'source', 'clicks', '--json'))).toMatchObject({
    downstream: expect.arrayContaining(['feature_view/last_click', 'feature_service/ranker']),
  })
  expect((await featheredge('lineage', 'source', 'clicsk')).stderr).toContain('did you mean "clicks"?')
})

test('cost follows the events, and doctor finds what is wrong', async () => {
  const file = await write('first.json', DEFINITIONS)
  expectDone(await featheredge('cost', file, '--events', '1000'), /^user\/main +1 +1024/m)
  interface Cost {
    readonly groups: readonly { readonly dollars_a_month: number }[]
  }
  const [few, many] = await Promise.all(
    ['10', '1000'].map(async (events) =>
      jsonOf<Cost>(await featheredge('cost', file, '--events', events, '--json')),
    ),
  )
  expect(few!.groups[0]!.dollars_a_month).toBeLessThan(many!.groups[0]!.dollars_a_month)
  expect((await featheredge('cost', file, '--events', 'many')).code).toBe(2)
  const healthy = await featheredge('doctor')
  expect(healthy.stdout).toContain('good  token: it is taken; generation')
  const sick = await featheredge('doctor', '--token', 'wrong', '--json')
  expect(sick.code).toBe(1)
  expect(JSON.parse(sick.stdout).checks).toContainEqual(
    expect.objectContaining({ name: 'token', is_good: false, found: expect.stringContaining('not valid') }),
  )
})

test.each<[string, readonly string[], number, string]>([
  [
    'a store that is not there',
    ['plan', '{first}', '--url', 'http://127.0.0.1:9'],
    1,
    'Cannot reach http://127.0.0.1:9: bad port; set FEATHEREDGE_URL or --url\n',
  ],
  [
    'an address that is none',
    ['plan', '{first}', '--url', 'nonsense'],
    2,
    'the store\'s address "nonsense" is none, as http://127.0.0.1:8787 is\n',
  ],
  ['another protocol', ['doctor', '--url', 'ftp://x'], 2, 'the store\'s address "ftp://x" is none'],
  ['no token', ['plan', '{first}', '--token', ''], 1, 'header is needed; set FEATHEREDGE_TOKEN or --token\n'],
  [
    'a wrong token',
    ['tokens', '--token', 'wrong'],
    1,
    'the token is not valid; set FEATHEREDGE_TOKEN or --token\n',
  ],
  ['a command misspelt', ['plna'], 2, 'There is no command "plna" (did you mean "plan"?)\n'],
  [
    'an option misspelt',
    ['get', 'ranker', '--jsn'],
    2,
    'there is no option "--jsn" (did you mean "json"?)\n\nfeatheredge get',
  ],
  ['a second fault', ['get', 'ranker', 'usr=ann'], 1, '\n  0: "user": it is not given, a value is needed\n'],
  [
    'a folder that is not there',
    ['init', '{folder}/none/definitions.mts'],
    2,
    'cannot be written: there is no such folder\n',
  ],
  ['a folder as definitions', ['validate', '{folder}'], 2, '" cannot be read: it is a folder\n'],
  [
    'definitions of an unknown ending',
    ['validate', '{notes}'],
    2,
    'notes.txt" is none of .mts, .ts, .mjs, .js, .json by its ending\n',
  ],
  [
    'definitions that are a list',
    ['validate', '{list}'],
    1,
    'list.json: Invalid input: expected object, received array\n',
  ],
  [
    'rows that are no list',
    ['batch-get', 'ranker', '{one}'],
    2,
    'one.json" cannot be taken: it is no JSON array\n',
  ],
  [
    'rows that are no JSON',
    ['history', 'ranker', '{notes}'],
    2,
    'notes.txt" cannot be taken: it is no JSON: ',
  ],
  [
    'a name that leaves its folder',
    ['load', 'clicks', '{notes}', '--name', '../x'],
    2,
    '"../x" names no landed file: ',
  ],
  ['an id that is a path', ['datasets', 'a/b?c'], 1, 'Cannot find training dataset "a/b?c"'],
])('%s is told in a line that says what to do', async (_, args, code, line) => {
  const files: Readonly<Record<string, string>> = {
    '{folder}': folder,
    '{first}': await write('first.json', DEFINITIONS),
    '{notes}': await write('notes.txt', 'no\nJSON'),
    '{list}': await write('list.json', [1]),
    '{one}': await write('one.json', { user: 'ann' }),
  }
  const given = args.map((arg) => arg.replace(/\{\w+\}/, (name) => files[name]!))
  const refused = await featheredge(...given)
  expect(refused).toMatchObject({ code, stdout: '' })
  expect(refused.stderr).toContain(line)
})

test('help is the list of commands or that of one, and --version the version of the package', async () => {
  expectDone(await featheredge('help'), /^featheredge <command>/)
  expect(await featheredge('help', 'get')).toEqual(await featheredge('get', '--help'))
  expectDone(await featheredge('--version'), /^\d+\.\d+\.\d+\n$/)
})

test('doctor asks no further than it can: one line for a store that is not there, two for a token that is not taken', async () => {
  const checksOf = async (...args: readonly string[]) =>
    JSON.parse((await featheredge('doctor', '--json', ...args)).stdout).checks.map(
      ({ is_good }: { readonly is_good: boolean }) => is_good,
    )
  expect(await checksOf('--url', 'http://127.0.0.1:9')).toEqual([false, true])
  expect(await checksOf('--token', 'wrong')).toEqual([true, false, true])
})

test.each(Object.keys(COMMANDS))(
  '%s --help shows its options, and refuses what it does not know',
  async (name) => {
    expectDone(await featheredge(name, '--help'), new RegExp(`^featheredge ${name}\\b[\\s\\S]*--json`))
    expect(await featheredge(name, '--colour')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--colour'),
    })
  },
)
