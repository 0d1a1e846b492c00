import { basename } from 'node:path'
import { LIMITS } from '../../../src/core/limits.ts'
import type { Api } from '../api.ts'
import {
  type Command,
  type CommandInput,
  numberOption,
  readNamedFile,
  takeArguments,
  textOption,
  UsageError,
} from '../command.ts'
import { readPages } from '../read-pages.ts'

const POLL_MS = 500

interface Work {
  readonly id: string
  readonly status: string
  /** None of a schedule. */
  readonly progress?: { readonly done: number; readonly total: number }
  readonly error?: string | null
}

interface Load extends Work {
  readonly rows: Readonly<Record<string, number>>
}

export const load: Command = {
  summary: 'land a file and load it, to the end',
  usage: '<source> <file>',
  options: {
    name: { type: 'string', value: 'name', help: 'of the landed file; by default its own' },
    'max-bad-rows': { type: 'string', default: '0', value: 'number', help: 'rows that may be left out' },
  },
  async run(input) {
    const { args, api, output } = input
    const [source, file] = takeArguments(args, ['source', 'file'])
    const name = textOption(input, 'name') ?? basename(file!)
    const badRows = numberOption(input, 'max-bad-rows')
    if (name.split('/').some((part) => ['', '.', '..'].includes(part)))
      throw new UsageError(`"${name}" names no landed file: it has an empty, "." or ".." part`)
    const content = await readNamedFile(file!)
    const path = `/v1/sources/${encodeURIComponent(source!)}`
    const place = name.split('/').map(encodeURIComponent).join('/')
    await api.request('PUT', `${path}/files/${place}`, content)
    const started = await api.request<{ loads: readonly Work[] }>('POST', `${path}/loads`, {
      files: [name],
      max_bad_rows: badRows,
    })
    const found = await follow<Load>(input, `/v1/loads/${started.loads[0]!.id}`, name)
    output.line(
      Object.entries(found.rows)
        .map(([what, count]) => `${count} ${what}`)
        .join(', '),
    )
    return end(input, found)
  },
}

interface Dataset extends Work {
  readonly name: string
  readonly row_count: number | null
  readonly files: readonly { readonly path: string; readonly rows: number; readonly bytes: number }[]
}

interface Listed {
  readonly training_datasets: readonly Dataset[]
  readonly schedules: readonly {
    readonly id: string
    readonly name: string
    readonly status: string
    readonly schedule: string
    readonly next_time: string | null
  }[]
}

export const datasets: Command = {
  summary: 'list training datasets, show one, or make one to the end',
  usage: '[id] | create <name> <service>',
  options: {
    labels: { type: 'string', value: 'path', help: 'a label file of the store, labels/…' },
    entities: { type: 'string', value: 'entity', help: 'every key of this entity instead of labels' },
    at: { type: 'string', value: 'time', help: 'with --entities: as of then' },
    'as-of': { type: 'string', value: 'time', help: 'only what was ingested by then' },
    statuses: { type: 'boolean', default: false, help: 'with a column of statuses' },
  },
  async run(input) {
    const { args, api, output } = input
    if (args[0] === 'create') return createDataset(input)
    const [id] = takeArguments(args, [], 1)
    if (id !== undefined) {
      return end(input, await follow<Dataset>(input, `/v1/training-datasets/${encodeURIComponent(id)}`, id))
    }
    const found = await listDatasets(api)
    output.table(
      ['id', 'name', 'status', 'rows'],
      found.training_datasets.map((one) => [one.id, one.name, one.status, one.row_count]),
    )
    if (found.schedules.length > 0) {
      output.line()
      output.table(
        ['schedule', 'name', 'status', 'cron (UTC)', 'next'],
        found.schedules.map((one) => [one.id, one.name, one.status, one.schedule, one.next_time]),
      )
    }
    output.json(found)
    return 0
  },
}

async function listDatasets(api: Api): Promise<Listed> {
  const pages = await readPages<Listed>(api, `/v1/training-datasets?limit=${LIMITS.datasetsPageMax}`)
  return {
    training_datasets: pages.flatMap((page) => page.training_datasets),
    schedules: pages.flatMap((page) => page.schedules),
  }
}

async function createDataset(input: CommandInput): Promise<number> {
  const { args, options, api, output } = input
  const [, name, service] = takeArguments(args, ['create', 'name', 'service'])
  const [path, entities, at] = [
    textOption(input, 'labels'),
    textOption(input, 'entities'),
    textOption(input, 'at'),
  ]
  if ((path === undefined) === (entities === undefined))
    throw new UsageError('either --labels or --entities is needed')
  const as_of = textOption(input, 'as-of')
  const started = await api.request<Work>('POST', '/v1/training-datasets', {
    name,
    feature_service: service,
    labels: path === undefined ? { entities, ...(at === undefined ? {} : { at }) } : { path },
    statuses: options.statuses === true,
    ...(as_of === undefined ? {} : { as_of }),
  })
  const found = await follow<Dataset>(input, `/v1/training-datasets/${started.id}`, name!)
  for (const file of found.files ?? []) output.line(`${file.path}  ${file.rows} rows, ${file.bytes} bytes`)
  return end(input, found)
}

/** Draws progress until the work has ended. */
async function follow<T extends Work>(
  { api, output }: CommandInput,
  path: string,
  label: string,
): Promise<T> {
  for (;;) {
    const work = await api.request<T>('GET', path)
    if (work.progress !== undefined) output.progress(label, work.progress.done, work.progress.total)
    if (!['queued', 'running'].includes(work.status)) {
      if (work.progress !== undefined) output.line()
      return work
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function end({ output }: CommandInput, work: Work): number {
  const isDone = ['succeeded', 'scheduled'].includes(work.status)
  output.line(
    output.paint(isDone ? 'green' : 'red', `${work.id} ${work.status}${work.error ? `: ${work.error}` : ''}`),
  )
  output.json(work)
  return isDone ? 0 : 1
}
