import { canonicalJson } from '../core/json.ts'
import { DEFINITION_KINDS, type DefinitionSet } from '../definitions/definition-set.ts'
import type { Generation } from '../platform.ts'

/** What became of one definition between two generations. */
export interface DefinitionDiff {
  readonly action: 'create' | 'update' | 'delete'
  /** `<kind>/<name>`. */
  readonly object: string
  /** Of an update, field by field: the name, and both values as JSON. */
  readonly details: readonly string[]
}

/** What differs between two generations, by kind and name; `before` is absent for the first. Pure. */
export function diffGenerations(
  before: Pick<Generation, 'definitions'> | undefined,
  after: Pick<Generation, 'definitions'>,
): DefinitionDiff[] {
  return Object.entries(DEFINITION_KINDS).flatMap(([key, kind]) => {
    const [old, next] = [before, after].map((one) =>
      byName(one?.definitions[key as keyof DefinitionSet] ?? []),
    )
    const names = [...new Set([...old!.keys(), ...next!.keys()])].sort()
    return names.flatMap((name): DefinitionDiff[] => {
      const [was, is] = [old!.get(name), next!.get(name)]
      const object = `${kind}/${name}`
      if (was === undefined) return [{ action: 'create', object, details: [] }]
      if (is === undefined) return [{ action: 'delete', object, details: [] }]
      const details = fieldDiffs(was, is)
      return details.length === 0 ? [] : [{ action: 'update', object, details }]
    })
  })
}

type Named = Readonly<Record<string, unknown>> & { readonly name: string }

function fieldDiffs(was: Named, is: Named): string[] {
  const fields = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort()
  return fields.flatMap((field) => {
    const [from, to] = [was[field], is[field]].map((value) =>
      value === undefined ? 'none' : canonicalJson(value),
    )
    return from === to ? [] : [`${field}: ${from} → ${to}`]
  })
}

function byName(definitions: readonly unknown[]): ReadonlyMap<string, Named> {
  return new Map((definitions as readonly Named[]).map((one) => [one.name, one]))
}
