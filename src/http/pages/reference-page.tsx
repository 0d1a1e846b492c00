import { describeRoutes, exampleBody, exampleUrl, pathTemplate } from '../reference/describe-routes.ts'
import { openApiText } from '../reference/openapi.ts'
import type { RouteDescription } from '../reference/route-description.ts'
import { Table } from './parts.tsx'

/** What this page reads of the document. */
interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: unknown
    readonly description?: string
  }[]
  readonly requestBody?: { readonly content: unknown }
  readonly responses: unknown
  readonly security?: readonly { readonly bearer?: readonly string[] }[]
}

/** The API for people: every route with what it takes, what it answers and a request that works. */
export function ReferencePage({ origin }: { readonly origin: string }) {
  const { paths, components } = JSON.parse(openApiText()) as ApiDocument
  const groups = describeRoutes()
  return (
    <>
      <p class="kind">API</p>
      <h1>Reference</h1>
      <p class="lead">
        Every route below needs <code>Authorization: Bearer</code> and a token. Made from{' '}
        <a href="/openapi.json">openapi.json</a>.
      </p>
      <ul>
        {groups.map(({ title }) => (
          <li>
            <a href={`#${anchor(title)}`}>{title}</a>
          </li>
        ))}
      </ul>
      {groups.map(({ title, routes }) => (
        <section id={anchor(title)}>
          <h2>{title}</h2>
          {routes.map((route) => (
            <Route route={route} operation={paths[pathTemplate(route)]![route.method]!} origin={origin} />
          ))}
        </section>
      ))}
      <h2>Definitions and errors</h2>
      <Schema title="DefinitionSet" schema={components.schemas.DefinitionSet} />
      <Schema title="Error" schema={components.schemas.Error} />
    </>
  )
}

function Route({
  route,
  operation,
  origin,
}: {
  readonly route: RouteDescription
  readonly operation: Operation
  readonly origin: string
}) {
  const { parameters = [], requestBody, responses, security } = operation
  return (
    <article class="card" id={operation.operationId}>
      <h3>
        <code>
          {route.method.toUpperCase()} {pathTemplate(route)}
        </code>
      </h3>
      <p>
        {route.summary}. <span class="soft">Scope: {security?.[0]?.bearer?.join(', ')}</span>
      </p>
      {parameters.length > 0 && (
        <Table
          label={`Parameters of ${route.summary}`}
          head={['Parameter', 'In', 'Needed', 'What']}
          rows={parameters.map(({ name, in: place, required, schema, description }) => [
            <code>{name}</code>,
            place,
            required ? 'yes' : '',
            description ?? <code>{JSON.stringify(schema)}</code>,
          ])}
        />
      )}
      {requestBody !== undefined && <Schema title="Body" schema={requestBody.content} />}
      <Schema title="Answers" schema={responses} />
      {/* What is cut off has to be reached by keyboard. */}
      <pre tabindex={0}>
        <code>{curlOf(route, origin)}</code>
      </pre>
    </article>
  )
}

function Schema({ title, schema }: { readonly title: string; readonly schema: unknown }) {
  return (
    <details>
      <summary>{title}</summary>
      <pre>
        <code>{JSON.stringify(schema, null, 1)}</code>
      </pre>
    </details>
  )
}

function curlOf(route: RouteDescription, origin: string): string {
  const body = exampleBody(route)
  const lines = [
    `curl -X ${route.method.toUpperCase()} ${quote(origin + exampleUrl(route))}`,
    '-H "Authorization: Bearer $FEATHEREDGE_TOKEN"',
    ...(body === undefined ? [] : [`--data-binary ${quote(body)}`]),
  ]
  return lines.join(' \\\n  ')
}

/** A word of the shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function anchor(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-')
}
