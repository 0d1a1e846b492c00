import { hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError, invalid } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { encodeRawGroup } from '../core/raw-row.ts'
import { encodeRow, tombstoneId, type ViewRow } from '../core/row.ts'
import { countUnmet, transformTexts, unmetExpectations, type ViewTransform } from '../core/transform.ts'
import { decodeValue, encodeCells, type Value } from '../core/value.ts'
import { type ReturnedRow, type ReturnedRows, transformReturned } from '../core/worker-transform.ts'
import { rawLayout } from '../definitions/raw-layout.ts'
import type { CompiledEntity, Snapshot } from '../definitions/snapshot.ts'
import { sourceExpectations, viewTransform } from '../definitions/view-transform.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type {
  Delivery,
  DeliveryGroup,
  QuarantineBatch,
  QuarantinedRow,
  RawDelivery,
  UnmetCounts,
} from '../platform.ts'
import { NOTHING_RETURNED, type ReturnedByView } from './call-workers.ts'
import { cellPositions, cellTexts } from './message-cells.ts'
import type { DeletionMessage, EventMessage, QueueMessage } from './queue-message.ts'

/** One writer's part of a batch of messages. */
export interface PlannedDelivery {
  readonly delivery: Delivery
  /** Positions of the messages with rows in it: none of them is done before it is committed. */
  readonly messages: readonly number[]
}

export interface PlannedBatch {
  readonly deliveries: readonly PlannedDelivery[]
  /** Accepted rows as they came: a message's are committed before any of its views'. */
  readonly raw: readonly PlannedRaw[]
  readonly quarantine: readonly PlannedQuarantine[]
  readonly tallies: readonly PlannedTally[]
}

/** What one message's rows left unmet: it is not done before that is counted. */
export interface PlannedTally {
  readonly source: string
  readonly id: string
  readonly counts: UnmetCounts
  /** Position of the message. */
  readonly message: number
}

/** The part of one writer of raw rows in a batch of messages. */
export interface PlannedRaw {
  readonly delivery: RawDelivery
  readonly messages: readonly number[]
}

/** What one message leaves in quarantine: it is not done before that is kept. */
export interface PlannedQuarantine {
  readonly batch: QuarantineBatch
  /** Position of the message. */
  readonly message: number
}

/** Characters of rows in one delivery: well under what one row of a writer's journal may hold (2 MB). */
const DELIVERY_CHARS_MAX = 1_000_000

/**
 * Runs the views of a batch's sources over its rows, turns deletions into tombstones and groups the outcome
 * by writer. Pure; every source and entity the messages name is in the snapshot. `returned` is what the views' own
 * Workers made of the rows.
 */
export function planDeliveries(
  snapshot: Snapshot,
  messages: readonly QueueMessage[],
  returned: ReturnedByView = NOTHING_RETURNED,
): PlannedBatch {
  const drafts = new Map<string, Draft>()
  const rawDrafts: RawDrafts = new Map()
  const quarantine: PlannedQuarantine[] = []
  const tallies: PlannedTally[] = []
  messages.forEach((message, position) => {
    const groups: LinesByGroup = new Map()
    if (message.kind === 'deletions') planDeletions(snapshot, message, groups)
    else {
      const returnedTo = (view: string) => returned.get(view)?.[position]
      const { quarantined, counts, accepted } = planEvents(snapshot, message, { groups, returnedTo })
      if (quarantined.length > 0)
        quarantine.push({ batch: quarantineBatch(message, quarantined), message: position })
      // Rows released for one view were accepted before.
      if (message.views === undefined && accepted.length > 0)
        draftRaw(rawDrafts, snapshot, { message, position, lines: accepted })
      if (Object.keys(counts).length > 0)
        tallies.push({ source: message.source, id: message.id, counts, message: position })
    }
    for (const [address, lines] of groups) {
      const [entity, shard, view] = address.split('/') as [string, string, string]
      const draft = draftFor(drafts, `${entity}/${shard}`, lines)
      draft.messages.add(position)
      draft.groups.push({ id: `${message.id}/${view}`, time: message.doorTime, rows: lines.join('\n') })
    }
  })
  const deliveries = [...drafts.values()].map(({ address, groups, messages: positions }): PlannedDelivery => {
    const [entity, shard] = address.split('/') as [string, string]
    const layout = writerLayout(snapshot, entity, Number(shard))
    return { delivery: { layout, kind: 'stream', groups }, messages: [...positions] }
  })
  return { deliveries, quarantine, tallies, raw: [...rawDrafts.values()] }
}

type RawDrafts = Map<
  string,
  { delivery: RawDelivery & { groups: DeliveryGroup[] }; messages: number[]; chars: number }
>

/** A message's accepted rows go to one writer, for they take effect together. */
function draftRaw(
  drafts: RawDrafts,
  snapshot: Snapshot,
  {
    message,
    position,
    lines,
  }: { readonly message: EventMessage; readonly position: number; readonly lines: readonly string[] },
): void {
  const source = snapshot.sources[message.source]!
  const { id, pushId, doorTime } = message
  const layout = rawLayout(snapshot, source, id)
  const { generation } = snapshot
  const columns = source.columns.map(({ name, type }) => ({ name, type }))
  const { eventTime } = source
  const rows = encodeRawGroup({ message: id, pushId, doorTime, generation, columns, eventTime, lines })
  const address = `${source.name}/${layout.shard}`
  const open = drafts.get(address)
  // A full one is left in the map under a name of its own.
  if (open !== undefined && open.chars + rows.length > DELIVERY_CHARS_MAX) {
    drafts.set(`${address}#${drafts.size}`, open)
    drafts.delete(address)
  }
  const draft = drafts.get(address) ?? { delivery: { layout, groups: [] }, messages: [], chars: 0 }
  draft.delivery.groups.push({ id, time: doorTime, rows })
  draft.messages.push(position)
  draft.chars += rows.length
  drafts.set(address, draft)
}

function quarantineBatch(
  { id, source, pushId, doorTime, columns }: EventMessage,
  rows: readonly QuarantinedRow[],
): QuarantineBatch {
  return { id, source, pushId, doorTime, columns, rows }
}

/** Lines of `encodeRow` by `<entity>/<shard>/<view>`. */
type LinesByGroup = Map<string, string[]>

interface EventsOutcome {
  /** Rows an expectation keeps back, and those on which a view fails. */
  readonly quarantined: readonly QuarantinedRow[]
  readonly counts: UnmetCounts
  /** All rows but those that an expectation keeps back, as they came: lines of index, tab and cells in the order of the source's columns. */
  readonly accepted: readonly string[]
}

function planEvents(
  snapshot: Snapshot,
  message: EventMessage,
  {
    groups,
    returnedTo,
  }: {
    readonly groups: LinesByGroup
    /** What a view's Worker made of the message's rows, by the view's id. */
    readonly returnedTo: (view: string) => ReturnedRows | undefined
  },
): EventsOutcome {
  const source = snapshot.sources[message.source]!
  const expectations = sourceExpectations(source)
  const views = source.views
    .map((id) => snapshot.views[id]!)
    .filter(({ id }) => message.views?.includes(id) ?? true)
    .flatMap((view) => {
      const returned = returnedTo(view.id)
      // It takes the rows when the message comes again; the other views have them now.
      if (returned instanceof FeatureStoreError) return []
      const entity = snapshot.entities[view.entity]!
      return [{ view, entity, transform: viewTransform(snapshot, view), returned }]
    })
  const positions = cellPositions(source, message.columns)
  const isPlain = expectations.length === 0 && views.every(({ transform }) => transform.plain !== null)
  const isAsNow =
    positions.length === message.columns.length && positions.every((position, at) => position === at)
  const quarantined: QuarantinedRow[] = []
  const accepted: string[] = []
  const counts: Record<string, number> = { ...message.rejected }
  message.rows.forEach(({ index, cells }, at) => {
    const texts = cellTexts(positions, cells)
    const values = isPlain ? [] : source.columns.map(({ type }, at) => decodeValue(type, texts[at]!))
    const broken = unmetExpectations(expectations, values, 'quarantine')
    countUnmet(counts, broken)
    if (broken.length > 0) {
      quarantined.push({ index, cells, view: null, reason: broken[0]!.reason })
      return
    }
    // A row released for one view was counted when the others took it.
    if (message.views === undefined) countUnmet(counts, unmetExpectations(expectations, values, 'warn'))
    accepted.push(`${index}\t${isAsNow ? cells : texts.join()}`)
    const timeOf = (column: number) => decodeValue('timestamp', texts[column]!) as number
    const stamp = {
      eventTime: timeOf(source.eventTime),
      createdTime: source.createdTime === null ? message.doorTime : timeOf(source.createdTime),
      ...doorStamp(message, index),
    }
    for (const { view, entity, transform, returned } of views) {
      try {
        const row = transformCells(transform, { texts, values, returned: returned?.[at] })
        if (row === undefined) continue
        refuseLongRow(transform, row.cells)
        append(groups, entity, { view: view.id, ...row, ...stamp })
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error
        quarantined.push({ index, cells, view: view.id, reason: error.message })
      }
    }
  })
  return { quarantined, counts, accepted }
}

function transformCells(
  transform: ViewTransform,
  {
    texts,
    values,
    returned,
  }: {
    readonly texts: readonly string[]
    readonly values: readonly Value[]
    readonly returned: ReturnedRow | undefined
  },
): { readonly key: string; readonly cells: string } | undefined {
  if (transform.plain !== null) return transformTexts(transform, transform.plain, texts)
  const row = transformReturned(transform, values, returned)
  return row && { key: row.key, cells: encodeCells(transform.features, row.features) }
}

/** A view may take a column many times, or make strings of any number: no writer could keep the row. */
function refuseLongRow({ name }: ViewTransform, { length }: string): void {
  if (length <= LIMITS.viewRowCharsMax) return
  throw invalid(
    `Row of view "${name}": it is ${length} characters long, at most ${LIMITS.viewRowCharsMax} may`,
  )
}

function planDeletions(snapshot: Snapshot, message: DeletionMessage, groups: LinesByGroup): void {
  const entity = snapshot.entities[message.entity]!
  const { eventTime, doorTime, views } = message
  for (const { index, cells: key } of message.rows) {
    for (const view of (views ?? [null]).map(tombstoneId)) {
      const stamp = { eventTime, createdTime: doorTime, ...doorStamp(message, index) }
      append(groups, entity, { view, key, cells: '', ...stamp })
    }
  }
}

function doorStamp({ doorTime, pushId }: QueueMessage, sequenceIndex: number) {
  return { ingestTime: doorTime, sequenceTime: doorTime, sequenceOrigin: pushId, sequenceIndex }
}

function append(groups: LinesByGroup, entity: CompiledEntity, row: ViewRow): void {
  const shard = topBits(hashKey(row.key).high, entity.shardBits)
  const address = `${entity.name}/${shard}/${row.view}`
  const group = groups.get(address)
  if (group === undefined) groups.set(address, [encodeRow(row)])
  else group.push(encodeRow(row))
}

interface Draft {
  readonly address: string
  readonly groups: Delivery['groups'][number][]
  readonly messages: Set<number>
  chars: number
}

/** The draft that still has room for these lines; a full one is left in the map under a name of its own. */
function draftFor(drafts: Map<string, Draft>, address: string, lines: readonly string[]): Draft {
  const chars = lines.reduce((sum, line) => sum + line.length + 1, 0)
  let draft = drafts.get(address)
  if (draft !== undefined && draft.chars + chars > DELIVERY_CHARS_MAX) {
    drafts.set(`${address}#${drafts.size}`, draft)
    draft = undefined
  }
  if (draft === undefined) {
    draft = { address, groups: [], messages: new Set(), chars: 0 }
    drafts.set(address, draft)
  }
  draft.chars += chars
  return draft
}
