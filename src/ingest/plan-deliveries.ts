import { hashKey, topBits } from '../core/entity-key.ts'
import { encodeRow } from '../core/row.ts'
import { viewCells, viewKey } from '../core/transform.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Delivery } from '../platform.ts'
import type { EventMessage } from './event-message.ts'

/** One writer's part of a batch of messages. */
export interface PlannedDelivery {
  readonly delivery: Delivery
  /** Positions of the messages with rows in it: none of them is done before it is committed. */
  readonly messages: readonly number[]
}

/** Characters of rows in one delivery: well under what one row of a writer's journal may hold (2 MB). */
const DELIVERY_CHARS_MAX = 1_000_000

/**
 * Runs the views of a batch's sources over its rows and groups the outcome by writer. Pure. Throws `not_found`
 * for a message whose source is gone.
 */
export function planDeliveries(snapshot: Snapshot, messages: readonly EventMessage[]): PlannedDelivery[] {
  const drafts = new Map<string, Draft>()
  messages.forEach((message, position) => {
    const source = snapshot.sources[message.source]!
    const groups = new Map<string, string[]>()
    for (const row of message.rows) {
      const values = readCells(source, message.columns, row.cells)
      const eventTime = values[source.eventTime] as number
      const createdTime =
        source.createdTime === null ? message.doorTime : (values[source.createdTime] as number)
      for (const name of source.views) {
        const view = snapshot.views[name]!
        const entity = snapshot.entities[view.entity]!
        const key = viewKey(
          view,
          entity.joinKeys.map(({ type }) => type),
          values,
        )
        const shard = topBits(hashKey(key).high, entity.shardBits)
        const line = encodeRow({
          view: view.id,
          key,
          eventTime,
          createdTime,
          ingestTime: message.doorTime,
          sequenceTime: message.doorTime,
          sequenceOrigin: message.pushId,
          sequenceIndex: row.index,
          cells: viewCells(view, values),
        })
        const address = `${entity.name}/${shard}/${view.id}`
        const group = groups.get(address)
        if (group === undefined) groups.set(address, [line])
        else group.push(line)
      }
    }
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

/** A message's row under the source as it is now: columns by name, those it did not know are null. */
function readCells(source: CompiledSource, columns: readonly string[], text: string): Value[] {
  const cells = splitCells(text)
  return source.columns.map(({ name, type }, at) => {
    const position = columns[at] === name ? at : columns.indexOf(name)
    return position < 0 ? null : decodeValue(type, cells[position]!)
  })
}
