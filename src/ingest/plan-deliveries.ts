import { hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { encodeRow, tombstoneId, type ViewRow } from '../core/row.ts'
import {
  checkExpectations,
  encodeCells,
  transformRow,
  transformTexts,
  type ViewTransform,
} from '../core/transform.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'
import type { CompiledEntity, CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { sourceExpectations, viewTransform } from '../definitions/view-transform.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Delivery, QuarantineBatch, QuarantinedRow } from '../platform.ts'
import type { DeletionMessage, EventMessage, QueueMessage } from './queue-message.ts'

/** One writer's part of a batch of messages. */
export interface PlannedDelivery {
  readonly delivery: Delivery
  /** Positions of the messages with rows in it: none of them is done before it is committed. */
  readonly messages: readonly number[]
}

export interface PlannedBatch {
  readonly deliveries: readonly PlannedDelivery[]
  readonly quarantine: readonly PlannedQuarantine[]
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
 * by writer. Pure; every source and entity the messages name is in the snapshot.
 */
export function planDeliveries(snapshot: Snapshot, messages: readonly QueueMessage[]): PlannedBatch {
  const drafts = new Map<string, Draft>()
  const quarantine: PlannedQuarantine[] = []
  messages.forEach((message, position) => {
    const groups: LinesByGroup = new Map()
    if (message.kind === 'deletions') planDeletions(snapshot, message, groups)
    else {
      const rows = planEvents(snapshot, message, groups)
      if (rows.length > 0) quarantine.push({ batch: quarantineBatch(message, rows), message: position })
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
  return { deliveries, quarantine }
}

function quarantineBatch(
  { id, source, pushId, doorTime, columns }: EventMessage,
  rows: readonly QuarantinedRow[],
): QuarantineBatch {
  return { id, source, pushId, doorTime, columns, rows }
}

/** Lines of `encodeRow` by `<entity>/<shard>/<view>`. */
type LinesByGroup = Map<string, string[]>

/** Answers the rows that belong in quarantine: those an expectation keeps back, and those a view's expression fails on. */
function planEvents(snapshot: Snapshot, message: EventMessage, groups: LinesByGroup): QuarantinedRow[] {
  const source = snapshot.sources[message.source]!
  const expectations = sourceExpectations(source)
  const views = source.views
    .map((id) => snapshot.views[id]!)
    .filter(({ name }) => message.views?.includes(name) ?? true)
    .map((view) => {
      return { view, entity: snapshot.entities[view.entity]!, transform: viewTransform(snapshot, view) }
    })
  const positions = columnPositions(source, message.columns)
  const isPlain = expectations.length === 0 && views.every(({ transform }) => transform.plain !== null)
  const quarantined: QuarantinedRow[] = []
  for (const { index, cells } of message.rows) {
    const texts = readTexts(positions, cells)
    const values = isPlain ? [] : source.columns.map(({ type }, at) => decodeValue(type, texts[at]!))
    const broken = checkExpectations(expectations, values, 'quarantine')
    if (broken !== undefined) {
      quarantined.push({ index, cells, view: null, reason: broken })
      continue
    }
    const timeOf = (column: number) => decodeValue('timestamp', texts[column]!) as number
    const stamp = {
      eventTime: timeOf(source.eventTime),
      createdTime: source.createdTime === null ? message.doorTime : timeOf(source.createdTime),
      ...doorStamp(message, index),
    }
    for (const { view, entity, transform } of views) {
      try {
        const row = transformCells(transform, { texts, values })
        if (row !== undefined) append(groups, entity, { view: view.id, ...row, ...stamp })
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error
        quarantined.push({ index, cells, view: view.name, reason: error.message })
      }
    }
  }
  return quarantined
}

function transformCells(
  transform: ViewTransform,
  { texts, values }: { readonly texts: readonly string[]; readonly values: readonly Value[] },
): { readonly key: string; readonly cells: string } | undefined {
  if (transform.plain !== null) return transformTexts(transform, transform.plain, texts)
  const row = transformRow(transform, values)
  return row && { key: row.key, cells: encodeCells(transform, row.features) }
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

/** Where a message holds each column of the source as it is now; -1 for a column it did not know. */
function columnPositions(source: CompiledSource, columns: readonly string[]): number[] {
  return source.columns.map(({ name }) => columns.indexOf(name))
}

/** The texts of a message's row in the order of the source's columns. */
function readTexts(positions: readonly number[], text: string): string[] {
  const cells = splitCells(text)
  return positions.map((position) => cells[position] ?? 'null')
}
