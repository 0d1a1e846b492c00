import { viewCells } from '../core/block.ts'
import { type FeatureStatus, rowStatus } from '../core/feature-status.ts'
import type { Instant } from '../core/time.ts'
import { splitCells, type Value } from '../core/value.ts'
import { projectPlan, type WindowPlan } from '../core/window/window-plan.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type { CompiledEntry, CompiledService, ServedView, ServingSnapshot } from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import type { Platform } from '../platform.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { findRows } from './find-rows.ts'
import { finishRow } from './finish-rows.ts'
import { planRead } from './plan-read.ts'
import { type Consistency, readBlocks } from './read-blocks.ts'
import type { ReadCost } from './read-cost.ts'

/** Feature vectors as JSON texts: the blocks' own text, never parsed. */
export interface FeatureRows {
  readonly rows: readonly FeatureRow[]
  readonly cost: ReadCost
  /** The time they are of: now, once for all rows. */
  readonly time: Instant
  /** A writer serves newer versions than this generation knows of; their values stand here as `error`. */
  readonly isOutdated: boolean
}

/**
 * One feature vector, by position in the service's entries (or in the parts of its answer, where some are computed):
 * what one view gives stands together as one text.
 */
export interface FeatureRow {
  /** Comma-separated JSON texts of an entry's values. */
  readonly values: readonly string[]
  /** Comma-separated JSON texts of their statuses. */
  readonly statuses: readonly string[]
  /** One for all values of an entry, or one for each where it has windows. Null where no row stands behind them. */
  readonly eventTimes: readonly EntryTimes[]
}

export type EntryTimes = Instant | null | readonly (Instant | null)[]

/**
 * Reads the features of a service for rows of input values (`rows[i]` in the order of the service's inputs), in the
 * order asked (S28). Values that the store cannot give have status `error`; the others are not touched by it.
 */
export async function readFeatures(
  platform: Platform,
  { snapshot, service }: ResolvedService<ServedGeneration>,
  { rows, consistency }: { readonly rows: readonly (readonly Value[])[]; readonly consistency: Consistency },
): Promise<FeatureRows> {
  const plan = planRead(snapshot, service, rows)
  const { blocks, cost } = await readBlocks(platform, snapshot, { blocks: plan.blocks, consistency })
  const found = await findRows(platform, snapshot, { plan, blocks, cost })
  const readers = readersOf(snapshot, service)
  // What windows come to is held for the service as it is defined, not for features picked out of it.
  const cache = snapshot.services[service.name] === service ? platform.memory.blocks : undefined
  const now = platform.clock.now()
  let isOutdated = false
  const answers = rows.map((_, place) => {
    const answer: MutableFeatureRow = { values: [], statuses: [], eventTimes: [] }
    for (const reader of readers) {
      const at = place * service.lookups.length + reader.entry.lookup
      const lookup = plan.lookups[at]!
      const block = blocks[lookup.block]
      const row = found[at]
      const position = block?.views.indexOf(reader.view.id) ?? -1
      if (block !== undefined && position < 0) isOutdated = true
      if (block === undefined || position < 0) appendAbsent(answer, reader, 'error', null)
      else if (reader.windows === undefined) appendView(answer, reader, { row, position, now })
      else {
        const { block: at, key } = lookup
        const cells = row === undefined ? undefined : viewCells(row, position)?.cells
        const tileCells = { cache, block, blockKey: plan.blocks[at]!.key, key, cells }
        // Windows shrink as time passes with no new events (S18), and know no `missing` (S19).
        const finished = finishRow(reader.windows, tileCells, now)
        answer.values.push(finished.values)
        answer.statuses.push(finished.statuses)
        answer.eventTimes.push(finished.eventTimes)
      }
    }
    return answer
  })
  return { rows: answers, cost, time: now, isOutdated }
}

interface MutableFeatureRow {
  readonly values: string[]
  readonly statuses: string[]
  readonly eventTimes: EntryTimes[]
}

/** What reading an entry needs beyond the row, made once for all reads. */
interface EntryReader {
  readonly entry: CompiledEntry
  readonly view: ServedView
  /** The statuses' text when no value is null. */
  readonly allPresent: string
  /** How the entry's windows are finished; undefined for a view that serves its latest row. */
  readonly windows: WindowPlan | undefined
}

const readersByEntries = new WeakMap<readonly CompiledEntry[], readonly EntryReader[]>()

/** Made once for a service of a snapshot, and anew for features picked out of it. */
function readersOf(snapshot: ServingSnapshot, { entries }: CompiledService): readonly EntryReader[] {
  let readers = readersByEntries.get(entries)
  if (readers === undefined) {
    readers = entries.map((entry) => createReader(entry, snapshot.views[entry.view]!))
    readersByEntries.set(entries, readers)
  }
  return readers
}

function createReader(entry: CompiledEntry, view: ServedView): EntryReader {
  const windows = view.windows === null ? undefined : projectPlan(windowPlan(view.windows), entry.features)
  return { entry, view, allPresent: repeatText('"present"', entry.features.length), windows }
}

interface LookedUpRow {
  /** The row's text in its block; undefined where the block has none for the key. */
  readonly row: string | undefined
  /** Of the view among the lines of the row. */
  readonly position: number
  readonly now: Instant
}

function appendView(
  answer: MutableFeatureRow,
  reader: EntryReader,
  { row, position, now }: LookedUpRow,
): void {
  const found = row === undefined ? undefined : viewCells(row, position)
  if (found === undefined) {
    appendAbsent(answer, reader, 'missing', null)
    return
  }
  const status = rowStatus(reader.view, found.eventTime, now)
  if (status !== 'present') {
    appendAbsent(answer, reader, status, status === 'expired' ? found.eventTime : null)
    return
  }
  const cells = reader.entry.isWhole ? found.cells : pickCells(found.cells, reader.entry.features)
  answer.values.push(cells)
  // Where the four letters stand nowhere, no value is null: mostly the text goes into the answer in one piece.
  answer.statuses.push(cells.includes('null') ? nullableStatuses(cells) : reader.allPresent)
  answer.eventTimes.push(found.eventTime)
}

function appendAbsent(
  answer: MutableFeatureRow,
  { entry }: EntryReader,
  status: FeatureStatus,
  eventTime: Instant | null,
): void {
  answer.values.push(repeatText('null', entry.features.length))
  answer.statuses.push(repeatText(`"${status}"`, entry.features.length))
  answer.eventTimes.push(eventTime)
}

function pickCells(text: string, positions: readonly number[]): string {
  const cells = splitCells(text)
  return positions.map((position) => cells[position]!).join(',')
}

function nullableStatuses(cells: string): string {
  return splitCells(cells)
    .map((cell) => (cell === 'null' ? '"null"' : '"present"'))
    .join(',')
}

function repeatText(text: string, count: number): string {
  return text + `,${text}`.repeat(count - 1)
}
