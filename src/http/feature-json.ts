import { formatInstant, type Instant } from '../core/time.ts'
import { splitCells } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { FeatureRow } from '../online/read-features.ts'

/** The answer of Get: each value, status and time under its feature's name. */
export function getJson(service: CompiledService, row: FeatureRow): string {
  const names = service.features.map(({ name }) => JSON.stringify(name))
  const members = (texts: string) =>
    splitCells(texts)
      .map((text, at) => `${names[at]}:${text}`)
      .join(',')
  return `{"features":{${members(row.values.join())}},"statuses":{${members(row.statuses.join())}},"event_times":{${members(timesText(service, row))}}}`
}

/** The answer of BatchGet: names once, then rows in the order asked. */
export function batchGetJson(
  service: CompiledService,
  rows: readonly FeatureRow[],
  include: readonly ('statuses' | 'event_times')[],
): string {
  const table = (textOf: (row: FeatureRow) => string) => `[${rows.map((row) => `[${textOf(row)}]`).join()}]`
  let json = `{"feature_names":${JSON.stringify(service.features.map(({ name }) => name))},"rows":${table(({ values }) => values.join())}`
  if (include.includes('statuses')) json += `,"statuses":${table(({ statuses }) => statuses.join())}`
  if (include.includes('event_times')) json += `,"event_times":${table((row) => timesText(service, row))}`
  return `${json}}`
}

/** Every feature of an entry has its row's time. */
function timesText({ entries }: CompiledService, { eventTimes }: FeatureRow): string {
  return eventTimes
    .map((time, at) => {
      const text = timeText(time)
      return text + `,${text}`.repeat(entries[at]!.features.length - 1)
    })
    .join()
}

function timeText(time: Instant | null): string {
  return time === null ? 'null' : `"${formatInstant(time)}"`
}
