import { canonicalJson } from '../core/json.ts'
import { parseDuration } from '../core/time.ts'
import type { Column, Source } from '../definitions/source.ts'
import { additive, destructive, type Effect, joinEffects, METADATA } from './effect.ts'

/** What a source that is defined otherwise does to those who push to it; what it does to its views, they say. */
export function sourceEffect(was: Source, is: Source): Effect {
  const before = new Map(was.schema.map((column) => [column.name, column]))
  const after = new Map(is.schema.map((column) => [column.name, column]))
  const removed = was.schema.filter(({ name }) => !after.has(name))
  return joinEffects([
    ...is.schema.map((column) => columnEffect(before.get(column.name), column)),
    ...removed.map(({ name }) => destructive(`rows that bring column "${name}" are rejected from now on`)),
    timesEffect(was, is),
    landingEffect(was, is),
    retentionEffect(was.retention, is.retention),
    canonicalJson(was.expectations) === canonicalJson(is.expectations)
      ? METADATA
      : additive('its expectations hold for rows from now on; what was taken in stays'),
    was.shards === is.shards ? METADATA : additive(),
  ])
}

function columnEffect(was: Column | undefined, is: Column): Effect {
  const { name } = is
  const needed = destructive(`rows without column "${name}" are rejected from now on`)
  if (was === undefined) {
    return is.required ? needed : additive(`in rows taken in before, column "${name}" is null`)
  }
  if (was.type !== is.type || was.unit !== is.unit) {
    return destructive(`rows have to bring column "${name}" as ${typeOf(is)} from now on, not ${typeOf(was)}`)
  }
  if (was.required === is.required) return METADATA
  return is.required ? needed : additive(`rows may lack column "${name}" from now on`)
}

function typeOf({ type, unit }: Column): string {
  return unit === undefined ? type : `${type} in ${unit}`
}

/** The columns that say when and what: values are made anew where views are, and rows are checked otherwise. */
function timesEffect(was: Source, is: Source): Effect {
  const fields = ['event_time', 'created_time', 'event_id'] as const
  const changed = fields.filter((field) => was[field] !== is[field])
  if (changed.length === 0) return METADATA
  return destructive(`rows are read by another ${changed.join(' and ')} from now on`)
}

function landingEffect({ landing: was }: Source, { landing: is }: Source): Effect {
  if (was?.format === is?.format) return METADATA
  if (was === null) return additive(`landed ${is!.format} files are loaded`)
  return destructive(`landed ${was.format} files are no longer loaded`)
}

function retentionEffect(was: string | undefined, is: string | undefined): Effect {
  if (was === is) return METADATA
  const [before, after] = [was, is].map((text) =>
    text === undefined ? Number.POSITIVE_INFINITY : parseDuration(text),
  )
  if (after! < before!) return destructive(`rows older than ${is} count as never written, in both stores`)
  return after! > before! ? additive('older rows count again') : METADATA
}
