import { formatInstant } from '../../core/time.ts'
import type { GenerationSummary } from '../../platform.ts'
import { Heading, Table } from './parts.tsx'

export function Generations({ generations }: { readonly generations: readonly GenerationSummary[] }) {
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
          formatInstant(appliedTime),
          author,
        ])}
        empty="Nothing has been applied yet."
      />
    </>
  )
}

export interface Difference {
  readonly action: string
  readonly object: string
  readonly details: readonly string[]
}

/** What a generation changed against the one before. */
export function GenerationDiff({
  generation,
  changes,
}: {
  readonly generation: GenerationSummary
  readonly changes: readonly Difference[]
}) {
  return (
    <>
      <Heading
        kind="Generation"
        name={String(generation.generation)}
        description={`Applied ${formatInstant(generation.appliedTime)} by ${generation.author}`}
      />
      <h2>Changes</h2>
      <Table
        label="Changes"
        head={['Change', 'Object', 'Details']}
        rows={changes.map(({ action, object, details }) => [
          <span class={action === 'create' ? 'added' : action === 'delete' ? 'removed' : ''}>{action}</span>,
          <code>{object}</code>,
          details.length === 0 ? (
            ''
          ) : (
            <ul>
              {details.map((detail) => (
                <li>{detail}</li>
              ))}
            </ul>
          ),
        ])}
        empty="It has the definitions of the one before: blocks were divided, or views were filled."
      />
    </>
  )
}
