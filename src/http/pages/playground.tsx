import type { Description } from '../../catalog/describe.ts'
import { Status, Table } from './parts.tsx'

export interface PlaygroundProps {
  readonly described: Description
  readonly given: Readonly<Record<string, string>>
  /** Origin of the store, for what is to be copied. */
  readonly origin: string
  /** What Get answered; undefined before it was asked. */
  readonly answer?: GetAnswer | undefined
  readonly fault?: string | undefined
}

export interface GetAnswer {
  readonly features: Readonly<Record<string, unknown>>
  readonly statuses: Readonly<Record<string, string>>
  readonly event_times: Readonly<Record<string, string | null>>
}

/** Features of an answer that are shown; a program is given them all. */
const SHOWN_MAX = 100

/** Runs Get and shows how a program runs it. */
export function Playground({ described, given, origin, answer, fault }: PlaygroundProps) {
  const { name, inputs = [] } = described
  const query = new URLSearchParams(inputs.map((input) => [input.name, given[input.name] ?? '']))
  const path = `/v1/feature-services/${name}/features?${query}`
  return (
    <>
      <h2 id="playground">Playground</h2>
      <form class="row card" action="#playground" method="get">
        {inputs.map((input) => (
          <label>
            {input.name} <span class="soft">{input.type}</span>
            <input name={input.name} value={given[input.name] ?? ''} required />
          </label>
        ))}
        <button type="submit">Get</button>
      </form>
      {fault !== undefined && (
        <p class="bad status" role="alert">
          {fault}
        </p>
      )}
      {answer !== undefined && (
        <Table
          label="Features as served now"
          head={['Feature', 'Value', 'Status', 'Event time']}
          rows={Object.entries(answer.features)
            .slice(0, SHOWN_MAX)
            .map(([feature, value]) => [
              feature,
              <code>{JSON.stringify(value)}</code>,
              <Status status={answer.statuses[feature]!} />,
              answer.event_times[feature] ?? '',
            ])}
        />
      )}
      {answer !== undefined && Object.keys(answer.features).length > SHOWN_MAX && (
        <p class="soft">
          {`The first ${SHOWN_MAX} of ${Object.keys(answer.features).length.toLocaleString('en')}.`}
        </p>
      )}
      <div class="grid">
        <Snippet id="curl" title="curl" text={curlOf(origin + path)} />
        <Snippet id="typescript" title="TypeScript" text={typescriptOf(origin + path)} />
        <Snippet id="python" title="Python" text={pythonOf(origin + path)} />
      </div>
    </>
  )
}

function Snippet({
  id,
  title,
  text,
}: {
  readonly id: string
  readonly title: string
  readonly text: string
}) {
  return (
    <div class="card">
      <h3>{title}</h3>
      {/* What is cut off has to be reached by keyboard. */}
      <pre id={id} tabindex={0}>
        <code>{text}</code>
      </pre>
      <button class="plain" type="button" data-copy={id} hidden>
        Copy
      </button>
    </div>
  )
}

function curlOf(url: string): string {
  return `curl -s -H "Authorization: Bearer $FEATHEREDGE_TOKEN" \\\n  '${url.replaceAll("'", "'\\''")}'`
}

function typescriptOf(url: string): string {
  return `const response = await fetch(
  ${JSON.stringify(url)},
  { headers: { authorization: \`Bearer \${process.env.FEATHEREDGE_TOKEN}\` } },
)
const { features, statuses } = await response.json()`
}

function pythonOf(url: string): string {
  return `import json, os, urllib.request

request = urllib.request.Request(
    ${JSON.stringify(url)},
    headers={"authorization": f"Bearer {os.environ['FEATHEREDGE_TOKEN']}"},
)
features = json.load(urllib.request.urlopen(request))["features"]`
}
