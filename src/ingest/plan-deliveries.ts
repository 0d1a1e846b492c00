import { hashKey, topBits } from '../core/entity-key.ts'
import { encodeRow, tombstoneId, type ViewRow } from '../core/row.ts'
import { cellsOfTexts, keyOfTexts } from '../core/transform.ts'
import { decodeValue, splitCells } from '../core/value.ts'
import type { CompiledEntity, CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Delivery } from '../platform.ts'
import type { DeletionMessage, EventMessage, QueueMessage } from './queue-message.ts'

/** One writer's part of a batch of messages. */
export interface PlannedDelivery {
  readonly delivery: Delivery
  /** Positions of the messages with rows in it: none of them is done before it is committed. */
  readonly messages: readonly number[]
}

/** Characters of rows in one delivery: well under what one row of a writer's journal may hold (2 MB). */
const DELIVERY_CHARS_MAX = 1_000_000

/**
 * Runs the views of a batch's sources over its rows, turns deletions into tombstones and groups the outcome by writer. Pure;
 * every source and entity the messages name is in the snapshot.
 */
export function planDeliveries(snapshot: Snapshot, messages: readonly QueueMessage[]): PlannedDelivery[] {
  const drafts = new Map<string, Draft>()
  messages.forEach((message, position) => {
    const groups: LinesByGroup = new Map()
    if (message.kind === 'events') planEvents(snapshot, message, groups)
    else planDeletions(snapshot, message, groups)
    for (const [address, lines] of groups) {
      const [entity, shard, view] = address.split('/') as [string, string, string]
      const draft = draftFor(drafts, `${entity}/${shard}`, lines)
      draft.messages.add(position)
      draft.groups.push({ id: `${message.id}/${view}`, time: message.doorTime, rows: lines.join('\n') })
    }
  })
  return [...drafts.values()].map(({ address, groups, messages: positions }) => {
    const [entity, shard] = address.split('/') as [string, string]
    const layout = writerLayout(snapshot, entity, Number(shard))
    return { delivery: { layout, kind: 'stream', groups }, messages: [...positions] }
  })
}

/** Lines of `encodeRow` by `<entity>/<shard>/<view>`. */
type LinesByGroup = Map<string, string[]>

function planEvents(snapshot: Snapshot, message: EventMessage, groups: LinesByGroup): void {
  const source = snapshot.sources[message.source]!
  const views = source.views.map((name) => {
    const view = snapshot.views[name]!
    return { view, entity: snapshot.entities[view.entity]! }
  })
  const positions = columnPositions(source, message.columns)
  for (const row of message.rows) {
    const texts = readTexts(positions, row.cells)
    const eventTime = decodeValue('timestamp', texts[source.eventTime]!) as number
    const createdTime =
      source.createdTime === null
        ? message.doorTime
        : (decodeValue('timestamp', texts[source.createdTime]!) as number)
    const stamp = { eventTime, createdTime, ...doorStamp(message, row.index) }
    for (const { view, entity } of views) {
      append(groups, entity, {
        view: view.id,
        key: keyOfTexts(view, texts),
        cells: cellsOfTexts(view, texts),
        ...stamp,
      })
    }
  }
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
