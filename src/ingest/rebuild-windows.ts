import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { compareText, decodeRow, encodeRow, type Stamp, tombstonesOf, type ViewRow } from '../core/row.ts'
import { openSegment, scanSegment } from '../core/segment.ts'
import { encodeCells } from '../core/value.ts'
import { oldestCounted } from '../core/window/window-plan.ts'
import { backoffMs } from './publications.ts'
import {
  countEvent,
  createWindowState,
  deleteEvents,
  noteCounted,
  sequenceText,
  type WindowRules,
} from './window-state.ts'
import type { WriterPlatform } from './writer-platform.ts'
import { isUnfilled, markRange, type WriterState, windowRules } from './writer-state.ts'

/** Windows of one key that only the log can tell anew: a deletion has cut through one of their tiles (S10). */
export interface WindowAddress {
  readonly view: string
  readonly key: string
}

/** When windows have to be made anew; null when none have. */
export function rebuildDueMs(state: WriterState): number | null {
  return state.rebuilds.size === 0 ? null : state.rebuildRetryMs
}

/** After so many failures of a round the others wait for the next: the store fails, not a segment. */
const FAILURES_MAX = 10

/**
 * Makes windows anew from the log and the journal. Those that fail keep no others from it; throws the last failure, and they are tried
 * again later.
 */
export async function rebuildWindows(platform: WriterPlatform, state: WriterState): Promise<void> {
  const nowMs = platform.clock.now() / 1_000
  if ((rebuildDueMs(state) ?? Number.POSITIVE_INFINITY) > nowMs) return
  const failures: unknown[] = []
  for (const [id, address] of [...state.rebuilds]) {
    if (failures.length === FAILURES_MAX) break
    try {
      const rules = windowRules(state, address.view)
      if (rules !== undefined) await rebuild(platform, state, { ...address, rules })
      state.rebuilds.delete(id)
    } catch (error) {
      // Behind the others from now on.
      state.rebuilds.delete(id)
      state.rebuilds.set(id, address)
      failures.push(error)
    }
  }
  if (failures.length === 0) {
    state.rebuildFailures = 0
    return
  }
  state.rebuildFailures++
  state.rebuildRetryMs = nowMs + backoffMs(state.rebuildFailures)
  throw failures.at(-1)
}

async function rebuild(
  platform: WriterPlatform,
  state: WriterState,
  { view, key, rules }: WindowAddress & { readonly rules: WindowRules },
): Promise<void> {
  const { events, batches } = await readLog(platform, state, { view, key, rules })
  // From here on nothing waits: what the journal holds is what has been delivered, no more and no less.
  for (const { rows } of platform.storage.readJournal(0, Number.MAX_SAFE_INTEGER)) {
    for (const line of rows.split('\n')) {
      if (!line.startsWith(`${view}\t${key}\t`)) continue
      const row = decodeRow(line)
      events.set(sequenceText(row), row)
    }
  }
  const now = platform.clock.now()
  const fresh = createWindowState(rules)
  for (const batch of batches) fresh.batches.add(batch)
  fresh.batchesThrough = now
  for (const id of tombstonesOf(view)) {
    const tombstone = state.blocks.findRow(key, id)
    if (tombstone !== undefined) deleteEvents(fresh, tombstone.eventTime)
  }
  const isFilling = isUnfilled(state.record!, view)
  // Of one event that came twice, the one that was at the door first counts.
  const sorted = [...events.values()].sort(compareSequence)
  for (const row of sorted) {
    const isAhead = row.eventTime > now || state.held.has(encodeRow(row))
    if (!isAhead && countEvent(rules, fresh, row, now) && isFilling) noteCounted(fresh, row)
  }
  state.blocks.replaceWindows({ view, key }, fresh)
  markRange(state, state.blocks.rangeOf(key), { dueMs: now / 1_000, entry: 0 }, view)
}

/** The events of a key that a window counts still, from the registered segments, by what tells them apart. */
async function readLog(
  platform: WriterPlatform,
  state: WriterState,
  { view, key, rules }: WindowAddress & { readonly rules: WindowRules },
): Promise<{ readonly events: Map<string, ViewRow>; readonly batches: ReadonlySet<string> }> {
  const { entity, schemas } = state.record!.layout
  const schema = schemas[view]!
  const oldest = oldestCounted(rules.plan, platform.clock.now())
  const bucket = bitsText(topBits(hashKey(key).high, entity.bucketBits), entity.bucketBits)
  const at = view.lastIndexOf('@')
  const manifest = await platform.offline.list(view.slice(0, at), Number(view.slice(at + 1)))
  const events = new Map<string, ViewRow>()
  const batches = new Set<string>()
  for (const segment of manifest) {
    if (segment.bucket !== bucket || segment.eventTimeMax < oldest) continue
    const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
    await scanSegment(file, schema, (found, stamp, values) => {
      if (found !== key || stamp.eventTime < oldest) return
      const cells = encodeCells(schema.features, values)
      events.set(sequenceText(stamp), { ...stamp, view, key, cells })
      batches.add(stamp.sequenceOrigin)
    })
  }
  return { events, batches }
}

function compareSequence(a: Stamp, b: Stamp): number {
  return (
    a.sequenceTime - b.sequenceTime ||
    compareText(a.sequenceOrigin, b.sequenceOrigin) ||
    a.sequenceIndex - b.sequenceIndex
  )
}
