import { formatInstant, type Instant } from '../core/time.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { FeatureRow } from '../online/read-features.ts'

/** The answer of Get: each value, status and time under its feature's name. */
export function getJson(service: CompiledService, { values, statuses, eventTimes }: FeatureRow): string {
  const names = service.features.map(({ name }) => JSON.stringify(name))
  const members = (texts: readonly string[]) => names.map((name, at) => `${name}:${texts[at]}`).join(',')
  return `{"features":{${members(values)}},"statuses":{${members(statuses.map(quote))}},"event_times":{${members(timeTexts(eventTimes))}}}`
}

/** The answer of BatchGet: names once, then rows in the order asked. */
export function batchGetJson(
  service: CompiledService,
  rows: readonly FeatureRow[],
  include: readonly ('statuses' | 'event_times')[],
): string {
  const table = (texts: (row: FeatureRow) => readonly string[]) =>
    `[${rows.map((row) => `[${texts(row)}]`).join(',')}]`
  let json = `{"feature_names":${JSON.stringify(service.features.map(({ name }) => name))},"rows":${table(({ values }) => values)}`
  if (include.includes('statuses')) json += `,"statuses":${table(({ statuses }) => statuses.map(quote))}`
  if (include.includes('event_times'))
    json += `,"event_times":${table(({ eventTimes }) => timeTexts(eventTimes))}`
  return `${json}}`
}

function quote(status: string): string {
  return `"${status}"`
}

/** Neighbouring features mostly share a row and so a time: each is written once. */
function timeTexts(times: readonly (Instant | null)[]): string[] {
  let time: Instant | null = null
  let text = 'null'
  return times.map((next) => {
    if (next !== time) {
      time = next
      text = next === null ? 'null' : `"${formatInstant(next)}"`
    }
    return text
  })
}
