import type { Child } from 'hono/jsx'
import type { CatalogObject } from '../../catalog/catalog.ts'
import { formatInstant, type Instant } from '../../core/time.ts'
import type { FieldDiff } from '../../registry/diff-generations.ts'
import { KIND_TITLES, pathOf } from './paths.ts'

/** A heading with what it is, and what it says of itself. */
export function Heading({
  kind,
  name,
  description = '',
}: {
  readonly kind: string
  readonly name: string
  readonly description?: string
}) {
  return (
    <>
      <p class="kind">{kind}</p>
      <h1>{name}</h1>
      {description !== '' && <p class="lead">{description}</p>}
    </>
  )
}

export function ObjectLink({ object, text }: { readonly object: CatalogObject; readonly text?: string }) {
  return <a href={pathOf(object)}>{text ?? object.name}</a>
}

/** Of a list that stands beside others on a page. */
const OBJECTS_MAX = 100

export function ObjectList({
  objects,
  empty,
}: {
  readonly objects: readonly CatalogObject[]
  readonly empty: string
}) {
  if (objects.length === 0) return <p class="soft">{empty}</p>
  return (
    <ul>
      {objects.slice(0, OBJECTS_MAX).map((object) => (
        <li>
          <span class="soft">{KIND_TITLES[object.kind]}</span> <ObjectLink object={object} />
        </li>
      ))}
      {objects.length > OBJECTS_MAX && <li class="soft">and {objects.length - OBJECTS_MAX} more</li>}
    </ul>
  )
}

/** A table that scrolls by itself where it is too wide; on a phone each row is a list of its cells under their heads. */
export function Table({
  label,
  head,
  rows,
  empty = 'There is none.',
}: {
  readonly label: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly Child[])[]
  readonly empty?: string
}) {
  if (rows.length === 0) return <p class="soft">{empty}</p>
  return (
    <section class="scroll" aria-label={label} tabindex={0}>
      <table>
        <thead>
          <tr>
            {head.map((text) => (
              <th scope="col">{text}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells) => (
            <tr>
              {cells.map((cell, at) => (
                <td data-label={head[at]}>{cell === '' ? '' : <div>{cell}</div>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

export function Tags({ tags }: { readonly tags: Readonly<Record<string, string>> }) {
  return (
    <>
      {Object.entries(tags).map(([name, value]) => (
        <a class="tag" href={`/search?q=&tag=${encodeURIComponent(`${name}:${value}`)}`}>
          {name}: {value}
        </a>
      ))}
    </>
  )
}

/** Names of tokens by id. */
export type AuthorNames = ReadonlyMap<string, string>

/** Who applied something: a token by its name, the administrator, or the job that did. */
export function Author({ id, names }: { readonly id: string; readonly names: AuthorNames }) {
  const name = names.get(id)
  return <span title={name === undefined ? undefined : `token ${id}`}>{name ?? id}</span>
}

/** Fields that were one thing and are another. */
export function FieldDiffs({ diffs }: { readonly diffs: readonly FieldDiff[] }) {
  if (diffs.length === 0) return null
  return (
    <ul class="diffs">
      {diffs.map(({ field, from, to }) => (
        <li>
          <code>{shorten(field)}</code> {from !== null && <del>{shorten(from)}</del>}{' '}
          {to !== null && <ins>{shorten(to)}</ins>}
        </li>
      ))}
    </ul>
  )
}

/** Of a value, which may be a whole definition, a page shows so much. */
const VALUE_CHARS_MAX = 200

function shorten(text: string): string {
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text
}

/** An instant as machines and people read it. */
export function Time({ at }: { readonly at: Instant | null }) {
  if (at === null) return <span class="soft">never</span>
  const text = formatInstant(at)
  return <time datetime={text}>{text.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')}</time>
}

const STATUS_CLASSES: Readonly<Record<string, string>> = {
  succeeded: 'good',
  present: 'good',
  failed: 'bad',
  error: 'bad',
  kept: 'bad',
  cancelled: 'warn',
  expired: 'warn',
  missing: 'warn',
}

/** Whether something still goes on: its part of the page is read again and again. */
export function isLive(status: unknown): boolean {
  return status === 'queued' || status === 'running'
}

export function Status({ status }: { readonly status: string }) {
  return <span class={`status ${STATUS_CLASSES[status] ?? ''}`}>{status}</span>
}

/** Progress in words and as a bar; a part of the page that is read again while it goes on. */
export function Progress({ done, total }: { readonly done: number; readonly total: number }) {
  return (
    <p>
      <progress value={done} max={Math.max(total, 1)} aria-label="Progress">{`${done} of ${total}`}</progress>
      <span class="soft">
        {done.toLocaleString('en')} of {total.toLocaleString('en')} steps
      </span>
    </p>
  )
}

/** A duration in its largest unit: "3 min". */
export function formatAge(us: number): string {
  const seconds = Math.max(us, 0) / 1_000_000
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} days`
}
