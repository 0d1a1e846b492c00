import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { nearestName } from '../../src/core/nearest-name.ts'
import { ApiError, createApi } from './api.ts'
import { type Command, UsageError } from './command.ts'
import { lineage, search } from './commands/catalog.ts'
import { apply, diff, init, plan, validate } from './commands/definitions.ts'
import { batchGet, get, history } from './commands/features.ts'
import { datasets, load } from './commands/jobs.ts'
import { cost, doctor } from './commands/store.ts'
import { tokens } from './commands/tokens.ts'
import { createOutput } from './output.ts'
import { DefinitionsError } from './read-definitions.ts'

/** Every command by its name, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  init,
  plan,
  apply,
  diff,
  validate,
  get,
  'batch-get': batchGet,
  history,
  load,
  datasets,
  search,
  lineage,
  tokens,
  cost,
  doctor,
}

const HELP: ReadonlySet<string> = new Set(['help', '--help', '-h'])
const DEFAULT_URL = 'http://127.0.0.1:8787'

const COMMON = {
  json: { type: 'boolean', default: false, help: 'write one JSON document instead of text' },
  url: {
    type: 'string',
    value: 'url',
    help: `of the store; by default FEATHEREDGE_URL, else ${DEFAULT_URL}`,
  },
  token: { type: 'string', value: 'token', help: 'by default FEATHEREDGE_TOKEN' },
  help: { type: 'boolean', default: false, help: 'show this' },
} as const

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** Runs a command line. Answers its exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 a difference. */
export async function run(argv: readonly string[], { env, stdout, stderr }: Surroundings): Promise<number> {
  const isHelp = argv.length === 0 || HELP.has(argv[0]!)
  if (isHelp && argv.length < 2) {
    stdout.write(helpText())
    return 0
  }
  if (argv[0] === '--version') {
    stdout.write(`${manifest.version}\n`)
    return 0
  }
  const [name, ...rest] = isHelp ? [argv[1]!, '--help'] : (argv as [string, ...string[]])
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    stderr.write(`There is no command "${name}"${hintOf(name, Object.keys(COMMANDS))}\n\n${helpText()}`)
    return 2
  }
  const isJson = rest.includes('--json')
  try {
    const { values, positionals } = parse(rest, command)
    if (values.help === true) {
      stdout.write(commandText(name, command))
      return 0
    }
    const token = values.token ?? env.FEATHEREDGE_TOKEN
    const url = String(values.url || env.FEATHEREDGE_URL || DEFAULT_URL)
    if (!/^https?:\/\//.test(url) || !URL.canParse(url))
      throw new UsageError(`the store's address "${url}" is none, as http://127.0.0.1:8787 is`)
    return await command.run({
      args: positionals,
      options: values,
      api: createApi(url, typeof token === 'string' && token !== '' ? token : undefined),
      output: createOutput(stdout, isJson, stdout.isTTY === true && env.NO_COLOR === undefined),
    })
  } catch (error) {
    return report(error, { name, command, isJson, stderr })
  }
}

function parse(args: readonly string[], command: Command) {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON }).map(([option, { type, ...more }]) => {
      const multiple = 'multiple' in more && more.multiple === true
      return [option, { type, multiple, ...('default' in more ? { default: more.default } : {}) }]
    }),
  )
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(optionFault(error as Error, Object.keys(options)))
  }
}

/** What is wrong with an option, in a line: `node:util` says it in up to three. */
function optionFault({ message }: Error, known: readonly string[]): string {
  const [, unknown] = /^Unknown option '--?([^']*)'/.exec(message) ?? []
  return unknown === undefined
    ? message.split('\n')[0]!.replace(/\.$/, '')
    : `there is no option "--${unknown}"${hintOf(unknown, known)}`
}

function hintOf(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
}

interface Failure {
  readonly name: string
  readonly command: Command
  readonly isJson: boolean
  readonly stderr: Surroundings['stderr']
}

function report(error: unknown, { name, command, isJson, stderr }: Failure): number {
  const message = error instanceof Error ? error.message : String(error)
  if (isJson) {
    const more =
      error instanceof ApiError
        ? { code: error.code, details: error.details, request_id: error.requestId }
        : error instanceof DefinitionsError
          ? { details: { problems: error.problems } }
          : {}
    stderr.write(`${JSON.stringify({ error: { message, ...more } })}\n`)
  } else {
    stderr.write(`${message}\n`)
    const problems = error instanceof DefinitionsError ? error.problems : detailsOf(error)
    for (const problem of problems.slice(1)) stderr.write(`  ${problem}\n`)
    if (error instanceof UsageError) stderr.write(`\n${commandText(name, command)}`)
  }
  return error instanceof UsageError ? 2 : 1
}

function detailsOf(error: unknown): readonly string[] {
  if (!(error instanceof ApiError)) return []
  const { problems = [], faults = [] } = error.details as {
    readonly problems?: readonly string[]
    readonly faults?: readonly { readonly row: number; readonly name: string; readonly message: string }[]
  }
  return [...problems, ...faults.map(({ row, name, message }) => `${row}: "${name}": ${message}`)]
}

function helpText(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `featheredge <command>\n\n${lines.join('\n')}\n\nfeatheredge <command> --help shows arguments and options; featheredge --version, which version this is\n`
}

function commandText(name: string, { usage, summary, options = {} }: Command): string {
  const all = Object.entries({ ...options, ...COMMON }).map(([option, given]) => {
    const value = 'value' in given && given.value !== undefined ? ` <${given.value}>` : ''
    return [`--${option}${value}`, given.help] as const
  })
  const width = Math.max(...all.map(([option]) => option.length))
  const lines = all.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`)
  return `${`featheredge ${name} ${usage}`.trimEnd()}\n${summary}\n\n${lines.join('\n')}\n`
}
