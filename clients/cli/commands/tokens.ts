import { LIMITS } from '../../../src/core/limits.ts'
import type { Api } from '../api.ts'
import { type Command, type CommandInput, takeArguments, textOption, UsageError } from '../command.ts'
import { readPages } from '../read-pages.ts'

interface Token {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly names: readonly string[] | null
  readonly expires_at: string | null
  readonly revoked_at: string | null
}

export const tokens: Command = {
  summary: 'list tokens, create one, or revoke one',
  usage: '| create <name> | revoke <id>',
  options: {
    scope: {
      type: 'string',
      multiple: true,
      value: 'scope',
      help: 'admin, define, write or read; may be repeated',
    },
    names: { type: 'string', value: 'a,b', help: 'only for these sources, entities, views and services' },
    expires: { type: 'string', value: 'time', help: 'when it ends' },
  },
  async run(input) {
    const { args, api, output } = input
    if (args[0] === 'create') return createToken(input)
    if (args[0] === 'revoke') {
      const [, id] = takeArguments(args, ['revoke', 'id'])
      await api.request('DELETE', `/v1/tokens/${encodeURIComponent(id!)}`)
      output.line(`Revoked ${id}; within two minutes it is taken nowhere any more`)
      output.json({ id })
      return 0
    }
    takeArguments(args, [])
    const found = { tokens: await listTokens(api) }
    output.table(
      ['id', 'name', 'scopes', 'names', 'expires', 'revoked'],
      found.tokens.map(({ id, name, scopes, names, expires_at, revoked_at }) => [
        id,
        name,
        scopes.join(),
        names?.join(),
        expires_at,
        revoked_at,
      ]),
    )
    output.json(found)
    return 0
  },
}

async function listTokens(api: Api): Promise<readonly Token[]> {
  const path = `/v1/tokens?limit=${LIMITS.tokensPageMax}`
  const pages = await readPages<{ readonly tokens: readonly Token[] }>(api, path)
  return pages.flatMap((page) => page.tokens)
}

async function createToken(input: CommandInput): Promise<number> {
  const { args, options, api, output } = input
  const [, name] = takeArguments(args, ['create', 'name'])
  const scopes = options.scope
  if (!Array.isArray(scopes)) throw new UsageError('at least one --scope is needed')
  const expires_at = textOption(input, 'expires')
  const made = await api.request<{ id: string; token: string }>('POST', '/v1/tokens', {
    name,
    scopes,
    ...(textOption(input, 'names') === undefined ? {} : { names: textOption(input, 'names')!.split(',') }),
    ...(expires_at === undefined ? {} : { expires_at }),
  })
  output.line(`${made.id}\n${output.paint('bold', made.token)}\nIt is shown this once: keep it now`)
  output.json(made)
  return 0
}
