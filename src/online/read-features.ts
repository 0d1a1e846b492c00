import { type Block, findBlockRow, viewCells } from '../core/block.ts'
import { type FeatureStatus, rowStatus } from '../core/feature-status.ts'
import type { Instant } from '../core/time.ts'
import { splitCells, type Value } from '../core/value.ts'
import type { CompiledEntry, CompiledView, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { type ResolvedService, resolveInNewest } from '../registry/resolve-name.ts'
import { planRead } from './plan-read.ts'
import { type Consistency, readBlocks } from './read-blocks.ts'

/** Feature vectors as JSON texts, one string a value: the blocks' own text, never parsed. */
export interface FeatureRows {
  readonly snapshot: Snapshot
  /** Row by row, by position in the service's features. */
  readonly rows: readonly FeatureRow[]
}

export interface FeatureRow {
  readonly values: readonly string[]
  readonly statuses: readonly FeatureStatus[]
  /** Null where no row stands behind the value. */
  readonly eventTimes: readonly (Instant | null)[]
}

/**
 * Reads the features of a service for rows of input values (`rows[i]` in the order of the service's inputs), in the
 * order asked (S28). Values that the store cannot give have status `error`; the others are not touched by it.
 */
export async function readFeatures(
  platform: Platform,
  resolved: ResolvedService,
  { rows, consistency }: { readonly rows: readonly (readonly Value[])[]; readonly consistency: Consistency },
): Promise<FeatureRows> {
  const first = await readOnce(platform, resolved, rows, consistency)
  if (!first.isOutdated) return first
  // A writer serves newer versions than this isolate knows of: all of the answer is made again under one generation.
  const newest = await resolveInNewest(platform, resolved.service.name)
  return readOnce(platform, newest, rows, consistency)
}

async function readOnce(
  platform: Platform,
  { snapshot, service }: ResolvedService,
  rows: readonly (readonly Value[])[],
  consistency: Consistency,
): Promise<FeatureRows & { readonly isOutdated: boolean }> {
  const plan = planRead(snapshot, service, rows)
  const blocks = await readBlocks(platform, snapshot, { blocks: plan.blocks, consistency })
  const views = service.entries.map(({ view }) => snapshot.views[view]!)
  const now = platform.clock.now()
  let isOutdated = false
  const answers = rows.map((_, row) => {
    const answer: MutableFeatureRow = { values: [], statuses: [], eventTimes: [] }
    for (let at = 0; at < views.length; at++) {
      const entry = service.entries[at]!
      const lookup = plan.lookups[row * service.lookups.length + entry.lookup]!
      const block = blocks[lookup.block]
      const position = block?.views.indexOf(views[at]!.id) ?? -1
      if (block !== undefined && position < 0) isOutdated = true
      if (block === undefined || position < 0) appendAbsent(answer, entry, 'error', null)
      else
        appendView(answer, {
          entry,
          view: views[at]!,
          block,
          position,
          key: lookup.key,
          hashLow: lookup.hashLow,
          now,
        })
    }
    return answer
  })
  return { snapshot, rows: answers, isOutdated }
}

interface MutableFeatureRow {
  readonly values: string[]
  readonly statuses: FeatureStatus[]
  readonly eventTimes: (Instant | null)[]
}

interface ViewRead {
  readonly entry: CompiledEntry
  readonly view: CompiledView
  readonly block: Block
  readonly position: number
  readonly key: string
  readonly hashLow: number
  readonly now: Instant
}

function appendView(answer: MutableFeatureRow, read: ViewRead): void {
  const { entry, view, block, position } = read
  const row = findRow(block, read.hashLow, read.key)
  if (row === 'damaged') {
    appendAbsent(answer, entry, 'error', null)
    return
  }
  const found = row === undefined ? undefined : viewCells(row, position)
  if (found === undefined) {
    appendAbsent(answer, entry, 'missing', null)
    return
  }
  const status = rowStatus(view, found.eventTime, read.now)
  if (status !== 'present') {
    appendAbsent(answer, entry, status, status === 'expired' ? found.eventTime : null)
    return
  }
  const cells = splitCells(found.cells)
  for (const feature of entry.features) {
    const cell = cells[feature]!
    answer.values.push(cell)
    answer.statuses.push(cell === 'null' ? 'null' : 'present')
    answer.eventTimes.push(found.eventTime)
  }
}

function appendAbsent(
  answer: MutableFeatureRow,
  entry: CompiledEntry,
  status: FeatureStatus,
  eventTime: Instant | null,
): void {
  for (let at = 0; at < entry.features.length; at++) {
    answer.values.push('null')
    answer.statuses.push(status)
    answer.eventTimes.push(eventTime)
  }
}

function findRow(block: Block, hashLow: number, key: string): string | undefined | 'damaged' {
  try {
    return findBlockRow(block, hashLow, key)
  } catch {
    return 'damaged'
  }
}
