import type { Child } from 'hono/jsx'
import type { Description } from '../../catalog/describe.ts'
import type { LineageLayout } from '../../catalog/lineage-layout.ts'
import { LineageGraph } from './lineage-graph.tsx'
import { PageTurner, pageOf } from './page-turner.tsx'
import { Heading, ObjectLink, ObjectList, Table, Tags } from './parts.tsx'
import { KIND_TITLES, pathOf } from './paths.ts'

/** The parameter that says which page of features is shown; no input of a service can have this name. */
export const FEATURES_PAGE = 'features-page'

export interface DefinitionProps {
  readonly described: Description
  readonly layout: LineageLayout
  /** Of its features, from 1. */
  readonly page: number
  /** What is particular to the kind. */
  readonly children?: Child
}

/** One definition of any kind: what it says, what it serves, where it stands in the lineage. */
export function DefinitionPage({ described, layout, page, children }: DefinitionProps) {
  const { kind, name, description, owner, tags, version, uses, used_by } = described
  return (
    <>
      <Heading
        kind={KIND_TITLES[kind]}
        name={version === undefined ? name : `${name} @${version}`}
        description={description}
      />
      <p>
        {owner !== '' && (
          <span class="soft">
            Owner <strong>{owner}</strong>{' '}
          </span>
        )}
        <Tags tags={tags} />
      </p>
      {children}
      {described.features !== undefined && <Features described={described} page={page} />}
      <h2>Lineage</h2>
      <LineageGraph layout={layout} here={{ kind, name }} />
      <div class="grid">
        <div class="card">
          <h3>Made from</h3>
          <ObjectList objects={uses} empty="Nothing: it is a beginning." />
        </div>
        <div class="card">
          <h3>Used by</h3>
          <ObjectList objects={used_by} empty="Nothing uses it." />
        </div>
      </div>
      <details>
        <summary>Definition as JSON</summary>
        <pre>
          <code>{shortenJson(JSON.stringify(described.definition, null, 2))}</code>
        </pre>
      </details>
    </>
  )
}

/** A page shows so much of a definition: one of 2,000 features is longer. */
const JSON_CHARS_MAX = 20_000

function shortenJson(text: string): string {
  return text.length > JSON_CHARS_MAX ? `${text.slice(0, JSON_CHARS_MAX)}\n… GET /v1 answers it whole` : text
}

function Features({
  described: { kind, name, features = [], inputs },
  page,
}: {
  readonly described: Description
  readonly page: number
}) {
  const isService = kind === 'feature_service'
  return (
    <>
      {inputs !== undefined && (
        <>
          <h2>Asked for by</h2>
          <Table
            label="Inputs"
            head={['Input', 'Type']}
            rows={inputs.map((input) => [<code>{input.name}</code>, input.type])}
          />
        </>
      )}
      <h2>Features</h2>
      <Table
        label="Features"
        head={['Feature', 'Type', isService ? 'From' : 'SQL', 'Description']}
        rows={pageOf<(typeof features)[number]>(features, page).map((feature) => {
          const from = 'view' in feature ? `${feature.view}.${feature.feature}` : `${name}.${feature.name}`
          return [
            <ObjectLink object={{ kind: 'feature', name: from }} text={feature.name} />,
            feature.type,
            isService ? <code>{from}</code> : <FeatureSql feature={feature} />,
            feature.description,
          ]
        })}
      />
      <PageTurner
        path={pathOf({ kind, name })}
        parameter={FEATURES_PAGE}
        page={page}
        count={features.length}
      />
    </>
  )
}

/** How a feature is computed, windows and all. */
export function FeatureSql({
  feature: { function: aggregate, sql, window },
}: {
  readonly feature: {
    readonly function?: string | undefined
    readonly sql?: string | undefined
    readonly window?: string | undefined
  }
}) {
  if (sql === undefined) return <span class="soft">returned by the view's Worker</span>
  return <code>{aggregate === undefined ? sql : `${aggregate}(${sql}) over ${window}`}</code>
}
