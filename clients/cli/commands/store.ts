import { ApiError } from '../api.ts'
import { type Command, type CommandInput, numberOption, takeArguments } from '../command.ts'
import { estimateCost } from '../estimate-cost.ts'
import { findDefinitions, readDefinitions } from '../read-definitions.ts'

export const cost: Command = {
  summary: 'estimate what a stream costs by a file of definitions, block group by block group',
  usage: '[file]',
  options: {
    events: { type: 'string', default: '100', value: 'number', help: 'events a second of each source' },
  },
  async run(input) {
    const { args, output } = input
    const [path] = takeArguments(args, [], 1)
    const events = numberOption(input, 'events')!
    const groups = estimateCost(await readDefinitions(path), events)
    output.table(
      ['block group', 'publish, s', 'blocks', 'puts a second', 'dollars a month'],
      groups.map((one) => [one.group, one.publish_s, one.blocks, one.puts_per_second, one.dollars_a_month]),
    )
    output.line(
      'List prices without what is free; reads, queue and R2 come on top: docs/operations.md, Costs',
    )
    output.json({ events_per_second: events, groups })
    return 0
  },
}

interface Check {
  readonly name: string
  readonly isGood: boolean
  readonly found: string
}

export const doctor: Command = {
  summary: 'look at the store and at what is here, and say what is wrong; exit code 1 if anything is',
  usage: '',
  async run(input) {
    takeArguments(input.args, [])
    const outside = await checkStore(input)
    const checks = [outside, ...(outside.isGood ? await checkInside(input) : []), await checkFile()]
    for (const { name, isGood, found } of checks) {
      input.output.line(
        `${isGood ? input.output.paint('green', 'good') : input.output.paint('red', 'bad ')}  ${name}: ${found}`,
      )
    }
    input.output.json({ checks: checks.map(({ name, isGood, found }) => ({ name, is_good: isGood, found })) })
    return checks.every(({ isGood }) => isGood) ? 0 : 1
  },
}

async function checkStore({ api }: CommandInput): Promise<Check> {
  return check(`store at ${api.url}`, async () => {
    await api.request('GET', '/healthz')
    return 'it answers'
  })
}

/** Without a token that is taken there is nothing more to be seen. */
async function checkInside({ api }: CommandInput): Promise<Check[]> {
  const token = await check('token', async () => {
    if (!api.hasToken) throw new Error('there is none: set FEATHEREDGE_TOKEN or --token')
    const { generation } = await api.request<{ generation: number }>('GET', '/v1/definitions')
    return `it is taken; generation ${generation} is in force`
  })
  if (!token.isGood) return [token]
  const more = await Promise.all([
    check('dead letters', async () => {
      const found = await api.request<{ dead_letters: readonly unknown[] }>(
        'GET',
        '/v1/dead-letters?status=kept',
      )
      if (found.dead_letters.length > 0) {
        throw new Error(`${found.dead_letters.length} or more are kept: see GET /v1/dead-letters`)
      }
      return 'none'
    }),
    check('jobs', async () => {
      const { jobs } = await api.request<{ jobs: readonly { id: string; status: string }[] }>(
        'GET',
        '/v1/jobs',
      )
      const failed = jobs.filter(({ status }) => status === 'failed').map(({ id }) => id)
      if (failed.length > 0) throw new Error(`failed: ${failed.slice(0, 5).join(', ')}`)
      return 'none has failed lately'
    }),
  ])
  return [token, ...more]
}

async function checkFile(): Promise<Check> {
  return check('definitions here', async () => {
    const path = findDefinitions()
    if (path === undefined) return 'none'
    await readDefinitions(path)
    return `${path} is valid`
  })
}

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, isGood: true, found: await look() }
  } catch (error) {
    const code = error instanceof ApiError ? ` (${error.code})` : ''
    return { name, isGood: false, found: `${(error as Error).message}${code}` }
  }
}
