import type { Entry, ServiceEntryInput, ViewDefinition } from './definition.ts'

interface EntryOptions {
  readonly features?: readonly string[]
  readonly joinKeys?: Readonly<Record<string, string | undefined>>
  readonly prefix?: string
  readonly version?: number
}

/** A view as a service takes it. */
export function createEntry(view: ViewDefinition, options: EntryOptions): Entry<never, never> {
  const { features, joinKeys = {}, prefix, version } = options
  const definition: ServiceEntryInput = {
    view: version === undefined ? view.name : `${view.name}@${version}`,
    ...(features === undefined ? {} : { features: [...features] }),
    join_keys: Object.fromEntries(
      Object.entries(joinKeys).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    ...(prefix === undefined ? {} : { prefix }),
  }
  return { kind: 'entry', view, definition }
}
