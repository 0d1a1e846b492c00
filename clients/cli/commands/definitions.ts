import { writeFile } from 'node:fs/promises'
import type { DefinitionSet } from '../../../src/definitions/definition-set.ts'
import type { FillEstimate } from '../../../src/registry/estimate-fills.ts'
import type { Change } from '../../../src/registry/plan-changes.ts'
import { type Command, type CommandInput, numberOption, takeArguments, UsageError } from '../command.ts'
import type { Colour, Output } from '../output.ts'
import { readDefinitions } from '../read-definitions.ts'

interface Plan {
  readonly generation: number
  readonly changes: readonly Change[]
  readonly warnings: readonly string[]
  readonly fills?: readonly FillEstimate[]
}

const STARTER = `import { entity, featureService, featureView, source } from 'featheredge'

const user = entity('user', { description: 'Somebody who visits the shop', joinKeys: { user: 'string' } })

const clicks = source('clicks', {
  description: 'One row a click',
  eventTime: 'at',
  schema: { at: 'timestamp', user: { type: 'string', required: true }, price: 'float64' },
  landing: { format: 'ndjson' },
})

const lastClick = featureView('last_click', {
  description: 'What a user clicked on last',
  entity: user,
  source: clicks,
  features: { price: clicks.columns.price },
  ttl: '7d',
})

export const ranker = featureService('ranker', {
  description: 'What the ranking model reads',
  features: [lastClick],
})
`

/** Of an ending that makes it a module in any project, and TypeScript where Node reads it. */
const STARTER_FILE = `definitions.${process.features.typescript ? 'mts' : 'mjs'}`

export const init: Command = {
  summary: 'write a first definitions.mts (definitions.mjs where Node reads no TypeScript)',
  usage: '[file]',
  async run({ args, output }) {
    const [path = STARTER_FILE] = takeArguments(args, [], 1)
    await writeNew(path, STARTER)
    output.line(`Wrote ${path}. Next: featheredge plan, then featheredge apply`)
    output.json({ path })
    return 0
  },
}

/** Overwrites nothing. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new UsageError(`there is a file "${path}" already`)
    if (code === 'ENOENT') throw new UsageError(`file "${path}" cannot be written: there is no such folder`)
    throw new UsageError(`file "${path}" cannot be written: ${code ?? error}`)
  }
}

export const validate: Command = {
  summary: 'check a file of definitions without a store',
  usage: '[file]',
  async run({ args, output }) {
    const set = await readFile(args)
    output.line(output.paint('green', `Valid: ${countText(set)}`))
    output.json(set)
    return 0
  },
}

export const plan: Command = {
  summary: 'show what apply would do, what it breaks and what it costs',
  usage: '[file]',
  async run(input) {
    const found = await planFile(input)
    show(input.output, found)
    if (found.changes.some(({ breaking }) => breaking)) {
      input.output.line(`\nApplying this needs ${input.output.paint('bold', '--allow-breaking')}`)
    }
    input.output.json(found)
    return 0
  },
}

export const diff: Command = {
  summary: 'show field by field how a file differs from what is in force; exit code 3 if it does',
  usage: '[file]',
  async run(input) {
    const { changes } = await planFile(input)
    for (const change of changes) {
      input.output.line(headOf(input.output, change))
      for (const detail of change.details) input.output.line(`    ${detail}`)
    }
    if (changes.length === 0) input.output.line('No difference')
    input.output.json({ changes })
    return changes.length === 0 ? 0 : 3
  },
}

export const apply: Command = {
  summary: 'put a file of definitions, or an earlier generation, in force',
  usage: '[file]',
  options: {
    'allow-breaking': { type: 'boolean', default: false, help: 'also what breaks those who use it' },
    generation: { type: 'string', value: 'number', help: 'an earlier generation instead of a file' },
  },
  async run(input) {
    const { args, options, api, output } = input
    const allow_breaking = options['allow-breaking'] === true
    const again = numberOption(input, 'generation')
    if (again !== undefined && args.length > 0)
      throw new UsageError(`either a file or --generation is applied, not "${args[0]}" and ${again}`)
    const body =
      again === undefined
        ? { definitions: await readFile(args), expected_generation: (await planFile(input)).generation }
        : { generation: again }
    const applied = await api.request<Plan>('POST', '/v1/definitions/apply', { ...body, allow_breaking })
    show(output, applied)
    output.line(
      applied.changes.length === 0
        ? `Generation ${applied.generation} stays in force`
        : output.paint('green', `Generation ${applied.generation} is in force`),
    )
    output.json(applied)
    return 0
  },
}

async function readFile(args: readonly string[]): Promise<DefinitionSet> {
  const [path] = takeArguments(args, [], 1)
  return readDefinitions(path)
}

async function planFile({ args, api }: CommandInput): Promise<Plan> {
  return api.request<Plan>('POST', '/v1/definitions/plan', { definitions: await readFile(args) })
}

function show(output: Output, { changes, warnings, fills = [] }: Plan): void {
  if (changes.length === 0) output.line('No changes')
  for (const change of changes) {
    output.line(headOf(output, change))
    for (const consequence of change.consequences) output.line(`    ${consequence}`)
  }
  for (const warning of warnings) output.line(`${output.paint('yellow', 'warning')} ${warning}`)
  if (fills.length === 0) return
  output.line()
  output.table(
    ['to be filled', 'rows', 'KV puts, at most', 'dollars, at most'],
    fills.map((fill) => [fill.object, fill.row_count, fill.kv_puts_max, fill.dollars_max]),
  )
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const
const COLOURS: Readonly<Record<Change['impact'], Colour>> = {
  metadata: 'dim',
  additive: 'green',
  new_version: 'yellow',
  destructive: 'red',
}

function headOf(output: Output, { action, object, impact }: Change): string {
  return output.paint(COLOURS[impact], `${SIGNS[action]} ${object}`) + output.paint('dim', `  ${impact}`)
}

function countText(set: DefinitionSet): string {
  return Object.entries(set)
    .map(([kind, definitions]) => `${definitions.length} ${kind.replaceAll('_', ' ')}`)
    .join(', ')
}
