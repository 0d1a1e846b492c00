import type { Lineage } from '../../../src/catalog/lineage.ts'
import type { SearchResult } from '../../../src/catalog/search.ts'
import { type Command, takeArguments, textOption } from '../command.ts'

/** What a search may be limited to, as `--<name>`. */
const FILTERS = {
  kind: 'feature, feature_view, on_demand_view, feature_service, source or entity',
  entity: 'only what belongs to this entity',
  owner: 'only what this owner has',
  tag: 'name of a tag, or name:value',
  type: 'only features of this type',
  limit: 'at most so many',
} as const

export const search: Command = {
  summary: 'find what is defined by name, description, owner, tag, column or SQL',
  usage: '[word]…',
  options: Object.fromEntries(
    Object.entries(FILTERS).map(([filter, help]) => [
      filter,
      { type: 'string', value: filter, help } as const,
    ]),
  ),
  async run(input) {
    const { args, api, output } = input
    const query = new URLSearchParams({ q: args.join(' ') })
    for (const filter of Object.keys(FILTERS)) {
      const value = textOption(input, filter)
      if (value !== undefined) query.set(filter, value)
    }
    const found = await api.request<{ total: number; results: readonly SearchResult[] }>(
      'GET',
      `/v1/search?${query}`,
    )
    output.table(
      ['kind', 'name', 'type', 'owner', 'description'],
      found.results.map(({ kind, view, name, type, owner, description }) => [
        kind,
        view === null ? name : `${view}.${name}`,
        type,
        owner,
        description,
      ]),
    )
    output.line(output.paint('dim', `${found.results.length} of ${found.total}`))
    output.json(found)
    return found.total === 0 ? 1 : 0
  },
}

export const lineage: Command = {
  summary: 'trace what a thing is made from, and what is made from it',
  usage: '<kind> <name>',
  async run({ args, api, output }) {
    const [kind, name] = takeArguments(args, ['kind', 'name'])
    const path = `/v1/lineage/${encodeURIComponent(kind!)}/${encodeURIComponent(name!)}`
    const found = await api.request<Lineage>('GET', path)
    for (const [title, ids] of [
      ['made from', found.upstream],
      ['made into', found.downstream],
    ] as const) {
      output.line(output.paint('bold', title))
      for (const id of ids) output.line(`  ${id}`)
      if (ids.length === 0) output.line(output.paint('dim', '  nothing'))
    }
    output.json(found)
    return 0
  },
}
