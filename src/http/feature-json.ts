import { formatInstant, type Instant } from '../core/time.ts'
import { splitCells } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { FeatureRow } from '../online/read-features.ts'

/** The answer of Get: each value, status and time under its feature's name. */
export function getJson(service: CompiledService, row: FeatureRow): string {
  const members = membersOf(service)
  const features = membersJson(members.names, splitCells(row.values.join()))
  return `{"features":${features},"statuses":${statusesJson(members, row.statuses.join())},"event_times":${timesJson(members, row)}}`
}

/** Most vectors of a service have the statuses of the one before, and a comparison is all they cost. */
function statusesJson(members: ServiceMembers, statuses: string): string {
  if (statuses !== members.lastStatuses) {
    members.lastStatuses = statuses
    // No status holds a comma.
    members.lastStatusesJson = membersJson(members.names, statuses.split(','))
  }
  return members.lastStatusesJson
}

function timesJson({ namesByPart }: ServiceMembers, { eventTimes }: FeatureRow): string {
  let json = ''
  for (let at = 0; at < eventTimes.length; at++) {
    const time = eventTimes[at]!
    const names = namesByPart[at]!
    if (typeof time === 'object' && time !== null) {
      for (let of = 0; of < names.length; of++) json += names[of]! + timeText(time[of]!)
    } else {
      const text = timeText(time)
      json += names.join(text) + text
    }
  }
  return `${json}}`
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

/** What every Get of a service writes, made once: a compiled one never changes. */
interface ServiceMembers {
  /** Names as they begin an object's members. */
  readonly names: readonly string[]
  /** The same, by what stands together at a position of a row. */
  readonly namesByPart: readonly (readonly string[])[]
  lastStatuses: string
  lastStatusesJson: string
}

const membersByService = new WeakMap<CompiledService, ServiceMembers>()

function membersOf(service: CompiledService): ServiceMembers {
  let members = membersByService.get(service)
  if (members === undefined) {
    const names = service.features.map(({ name }, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    const parts = service.onDemand === null ? service.entries : service.onDemand.answer
    const ends = parts.map((_, at) => featureCount(service, at))
    for (let at = 1; at < ends.length; at++) ends[at]! += ends[at - 1]!
    const namesByPart = ends.map((end, at) => names.slice(at === 0 ? 0 : ends[at - 1], end))
    members = { names, namesByPart, lastStatuses: '', lastStatusesJson: '' }
    membersByService.set(service, members)
  }
  return members
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
