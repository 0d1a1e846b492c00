import { CATALOG_KINDS } from '../../catalog/catalog.ts'
import type { GenerationSummary } from '../../platform.ts'
import type { DefinitionDiff } from '../../registry/diff-generations.ts'
import { PageTurner, pageOf } from './page-turner.tsx'
import { Author, type AuthorNames, FieldDiffs, Heading, ObjectLink, Table, Time } from './parts.tsx'

export function Generations({
  generations,
  next,
  authors,
}: {
  readonly generations: readonly GenerationSummary[]
  /** Before which the next page begins. */
  readonly next: number | undefined
  readonly authors: AuthorNames
}) {
  return (
    <>
      <h1>History of definitions</h1>
      <p class="lead">
        Every applied state. Any of them can be applied again: `featheredge apply --generation N`.
      </p>
      <Table
        label="Generations"
        head={['Generation', 'Applied', 'By']}
        rows={generations.map(({ generation, appliedTime, author }) => [
          <a href={`/generations/${generation}`}>{generation}</a>,
          <Time at={appliedTime} />,
          <Author id={author} names={authors} />,
        ])}
        empty="Nothing has been applied yet."
      />
      {next !== undefined && (
        <p>
          <a href={`/generations?before=${next}`}>Older generations</a>
        </p>
      )}
    </>
  )
}

/** What a generation changed against the one before, a page at a time: a line for each field of a definition. */
export function GenerationDiff({
  generation,
  changes,
  page,
  authors,
}: {
  readonly generation: GenerationSummary
  readonly changes: readonly DefinitionDiff[]
  readonly page: number
  readonly authors: AuthorNames
}) {
  const lines = changes.flatMap(({ details, ...change }) =>
    details.length === 0 ? [{ ...change, details }] : details.map((one) => ({ ...change, details: [one] })),
  )
  return (
    <>
      <Heading kind="Generation" name={String(generation.generation)} />
      <p class="lead">
        Applied <Time at={generation.appliedTime} /> by <Author id={generation.author} names={authors} />
      </p>
      <h2>Changes</h2>
      <Table
        label="Changes"
        head={['Change', 'Object', 'Details']}
        rows={pageOf(lines, page).map(({ action, object, details }) => [
          <span class={action === 'create' ? 'added' : action === 'delete' ? 'removed' : ''}>{action}</span>,
          action === 'delete' ? <code>{object}</code> : <DefinitionLink id={object} />,
          <FieldDiffs diffs={details} />,
        ])}
        empty={
          page === 1
            ? 'It has the definitions of the one before: blocks were divided, or views were filled.'
            : 'There are no more.'
        }
      />
      <PageTurner path={`/generations/${generation.generation}`} page={page} count={lines.length} />
    </>
  )
}

/** To what is defined now under the kind and name of an id. */
function DefinitionLink({ id }: { readonly id: string }) {
  const [kind, name] = id.split('/')
  const known = CATALOG_KINDS.find((one) => one === kind)
  return known === undefined ? (
    <code>{id}</code>
  ) : (
    <ObjectLink object={{ kind: known, name: name! }} text={id} />
  )
}
