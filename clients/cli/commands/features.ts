import { type Command, jsonFault, readNamedFile, takeArguments, textOption, UsageError } from '../command.ts'

interface Vector {
  readonly features: Readonly<Record<string, unknown>>
  readonly statuses: Readonly<Record<string, string>>
  readonly event_times: Readonly<Record<string, string | null>>
}

export const get: Command = {
  summary: 'read one feature vector',
  usage: '<service> <name=value>…',
  async run({ args, api, output }) {
    const [service, ...fields] = takeArguments(args, ['service'], Number.POSITIVE_INFINITY)
    const query = new URLSearchParams(fields.map(splitField))
    const vector = await api.request<Vector>('GET', `${servicePath(service!)}/features?${query}`)
    output.table(
      ['feature', 'value', 'status', 'event time'],
      Object.entries(vector.features).map(([name, value]) => [
        name,
        value,
        vector.statuses[name],
        vector.event_times[name],
      ]),
    )
    output.json(vector)
    return 0
  },
}

interface Batch {
  readonly feature_names: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

export const batchGet: Command = {
  summary: 'read many feature vectors: a JSON array of entities, from a file or from standard input (-)',
  usage: '<service> <file|->',
  options: {
    strong: { type: 'boolean', default: false, help: 'ask the writers: nothing committed is left out' },
  },
  async run({ args, options, api, output }) {
    const [service, file] = takeArguments(args, ['service', 'file'])
    const entities = await readRows(file!)
    const consistency = options.strong === true ? 'strong' : 'eventual'
    const batch = await api.request<Batch>('POST', `${servicePath(service!)}/features`, {
      entities,
      consistency,
    })
    const keys = Object.keys((entities[0] ?? {}) as object)
    output.table(
      [...keys, ...batch.feature_names],
      batch.rows.map((row, at) => {
        const entity = entities[at] as Readonly<Record<string, unknown>>
        return [...keys.map((key) => entity[key]), ...row.map(nullAsText)]
      }),
    )
    output.json(batch)
    return 0
  },
}

interface History {
  readonly columns: readonly { readonly name: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

export const history: Command = {
  summary:
    'join labels with features as they stood then: a JSON array of labels, from a file or standard input (-)',
  usage: '<service> <file|->',
  options: {
    'as-of': { type: 'string', value: 'time', help: 'only what was ingested by then' },
    'knowledge-cutoff': { type: 'boolean', default: false, help: 'only what was created by each label' },
  },
  async run(input) {
    const { args, options, api, output } = input
    const [service, file] = takeArguments(args, ['service', 'file'])
    const as_of = textOption(input, 'as-of')
    const joined = await api.request<History>('POST', `${servicePath(service!)}/historical-features`, {
      labels: await readRows(file!),
      knowledge_cutoff: options['knowledge-cutoff'] === true,
      ...(as_of === undefined ? {} : { as_of }),
    })
    output.table(
      joined.columns.map(({ name }) => name),
      joined.rows.map((row) => row.map(nullAsText)),
    )
    output.json(joined)
    return 0
  },
}

/** Beside an empty string, null has to be seen. */
function nullAsText(value: unknown): unknown {
  return value ?? 'null'
}

function servicePath(service: string): string {
  return `/v1/feature-services/${encodeURIComponent(service)}`
}

function splitField(field: string): [string, string] {
  const at = field.indexOf('=')
  if (at <= 0) throw new UsageError(`"${field}" is no name=value`)
  return [field.slice(0, at), field.slice(at + 1)]
}

/** A JSON array of a file, or of standard input. */
async function readRows(file: string): Promise<readonly unknown[]> {
  const text = file === '-' ? await readInput() : new TextDecoder().decode(await readNamedFile(file))
  const rows = parseRows(file, text)
  if (!Array.isArray(rows)) throw new UsageError(`"${file}" cannot be taken: it is no JSON array`)
  return rows
}

function parseRows(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`"${file}" cannot be taken: ${jsonFault(error)}`)
  }
}

async function readInput(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}
