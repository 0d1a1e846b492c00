import { formatInstant, type Instant } from '../core/time.ts'
import { splitCells } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { FeatureRow } from '../online/read-features.ts'

/** The answer of Get: each value, status and time under its feature's name. */
export function getJson(service: CompiledService, row: FeatureRow): string {
  const names = namesOf(service)
  // Neither statuses nor times hold a comma.
  const features = membersJson(names, splitCells(row.values.join()))
  const statuses = membersJson(names, row.statuses.join().split(','))
  return `{"features":${features},"statuses":${statuses},"event_times":${membersJson(names, timesText(service, row).split(','))}}`
}

/** An object of these values, each after its name. */
function membersJson(names: readonly string[], texts: readonly string[]): string {
  let json = names[0]! + texts[0]!
  for (let at = 1; at < names.length; at++) json += names[at]! + texts[at]!
  return `${json}}`
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

const namesByService = new WeakMap<CompiledService, readonly string[]>()

/** Names as they begin an object's member, made once for each service: a compiled one never changes. */
function namesOf(service: CompiledService): readonly string[] {
  let names = namesByService.get(service)
  if (names === undefined) {
    names = service.features.map(({ name }, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    namesByService.set(service, names)
  }
  return names
}

/** Every feature of an entry has its row's time, of windows one of its own, every computed one that of the request. */
function timesText(service: CompiledService, { eventTimes }: FeatureRow): string {
  return eventTimes
    .map((time, at) => {
      if (typeof time === 'object' && time !== null) return time.map(timeText).join()
      const text = timeText(time)
      return text + `,${text}`.repeat(featureCount(service, at) - 1)
    })
    .join()
}

/** How many features stand together at a position of a row. */
function featureCount({ entries, onDemand }: CompiledService, at: number): number {
  if (onDemand === null) return entries[at]!.features.length
  const part = onDemand.answer[at]!
  return part.kind === 'computed' ? part.features.length : entries[part.entry]!.features.length
}

function timeText(time: Instant | null): string {
  return time === null ? 'null' : `"${formatInstant(time)}"`
}
