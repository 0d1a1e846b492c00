import { canonicalJson } from '../core/json.ts'
import { DEFINITION_KINDS, type DefinitionSet } from '../definitions/definition-set.ts'
import type { Generation } from '../platform.ts'

/** What became of one definition between two generations. */
export interface DefinitionDiff {
  readonly action: 'create' | 'update' | 'delete'
  /** `<kind>/<name>`. */
  readonly object: string
  /** Of an update. */
  readonly details: readonly FieldDiff[]
}

/** A field that was one thing and is another. */
export interface FieldDiff {
  /** Where it stands, parts that have names by these: `features.price.sql`. */
  readonly field: string
  /** As JSON; null where it is absent. */
  readonly from: string | null
  readonly to: string | null
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
      const details = fieldDiffs('', was, is)
      return details.length === 0 ? [] : [{ action: 'update', object, details }]
    })
  })
}

interface Named {
  readonly name: string
}

/** Goes down into objects, and into lists whose members have names. */
function fieldDiffs(field: string, was: unknown, is: unknown): FieldDiff[] {
  const [from, to] = [was, is].map((value) => (value === undefined ? null : canonicalJson(value)))
  if (from === to) return []
  const [old, next] = [membersOf(was), membersOf(is)]
  if (old === undefined || next === undefined) return [{ field, from: from!, to: to! }]
  const names = [...new Set([...old.keys(), ...next.keys()])].sort()
  const found = names.flatMap((name) =>
    fieldDiffs(field === '' ? name : `${field}.${name}`, old.get(name), next.get(name)),
  )
  // The same members in another order.
  return found.length === 0 ? [{ field, from: from!, to: to! }] : found
}

/** What has names within a value; undefined for one that is whole. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  const areNamed = value.every((one) => typeof (one as Partial<Named> | null)?.name === 'string')
  return areNamed && value.length > 0 ? byName(value) : undefined
}

function byName(definitions: readonly unknown[]): ReadonlyMap<string, Named> {
  return new Map((definitions as readonly Named[]).map((one) => [one.name, one]))
}
