import { type FeatureColumn, STATUS_CODES } from '../core/feature-column.ts'
import type { LabelSlots } from '../core/join.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, type Value } from '../core/value.ts'
import { createVectorValues, takeValues, type VectorValues } from '../core/vector.ts'
import type { FinishedWindows } from '../core/window/finish-windows.ts'
import { oldestCounted, type WindowPlan } from '../core/window/window-plan.ts'
import { windowsAtLabels } from '../core/window/windows-at-labels.ts'
import type { CompiledView, CompiledWindows, Snapshot } from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import { type HeldEvents, type KeyEvents, keyEvents, readEvents } from './hold-events.ts'
import type { ViewLabels } from './join-view.ts'
import type { LogPlatform } from './read-log.ts'

/** Events held at once; the keys of a partition are taken in as many passes over its segments as that needs. */
const EVENTS_HELD_MAX = 100_000

export interface WindowedView {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  readonly windows: CompiledWindows
}

/**
 * Joins labels with the windows of one view, point in time: the events that each label's windows count, through the same
 * tiles that serve them (S17, S22). Memory holds the labels, `eventsHeldMax` events (or those of one key, if they are
 * more) and one row group.
 */
export async function joinWindows(
  platform: LogPlatform,
  windowed: WindowedView,
  labels: ViewLabels,
  { eventsHeldMax = EVENTS_HELD_MAX } = {},
): Promise<FeatureColumn[]> {
  const { slots } = labels
  const plan = windowPlan(windowed.windows)
  const answers = labels.features.map((output): SlotAnswers => {
    const { type } = plan.outputs[output]!
    const values = createVectorValues(type, slots.slotCount)
    const eventTimes = new Float64Array(slots.slotCount)
    return { output, type, values, statuses: new Uint8Array(slots.slotCount), eventTimes }
  })
  const oldestByKey = Float64Array.from(slots.starts.subarray(0, -1), (start) =>
    oldestCounted(plan, slots.times[start]!),
  )
  for (let key = 0; key < slots.numberByKey.size; ) {
    const held = await readEvents(platform, windowed, { labels, oldestByKey, keyStart: key, eventsHeldMax })
    for (; key < held.keyEnd; key++) finishKey(plan, { held, key, labels }, answers)
  }
  return answers.map((answer) => spreadAnswers(answer, slots))
}

/** One feature's answers, by slot. */
interface SlotAnswers {
  /** Position among the plan's outputs. */
  readonly output: number
  readonly type: FeatureColumn['type']
  readonly values: VectorValues
  readonly statuses: Uint8Array
  readonly eventTimes: Float64Array
}

function finishKey(
  plan: WindowPlan,
  { held, key, labels }: { readonly held: HeldEvents; readonly key: number; readonly labels: ViewLabels },
  answers: readonly SlotAnswers[],
): void {
  const { slots, isKnowledgeCutoff } = labels
  const [start, end] = [slots.starts[key]!, slots.starts[key + 1]!]
  const times = slots.times.subarray(start, end)
  let slot = start
  for (const finished of finishSlots(
    plan,
    keyEvents(held, key, isKnowledgeCutoff),
    times,
    isKnowledgeCutoff,
  )) {
    for (const { output, type, values, statuses, eventTimes } of answers) {
      const value = decodeValue(type, finished.cells[output]!)
      // A null stands for no value in any type's array; its status says so.
      if (value !== null) (values as Value[])[slot] = value
      statuses[slot] = STATUS_CODES[finished.statuses[output]!]
      eventTimes[slot] = finished.eventTimes[output] ?? Number.NaN
    }
    slot++
  }
}

function* finishSlots(
  plan: WindowPlan,
  { events, deletions }: KeyEvents,
  times: Float64Array,
  isKnowledgeCutoff: boolean,
): Generator<FinishedWindows, void> {
  if (!isKnowledgeCutoff || deletions.length === 0) {
    const through = deletions.map(({ eventTime }) => eventTime).sort((a, b) => a - b)
    yield* windowsAtLabels(plan, events, times, { deletions: through, isKnowledgeCutoff })
    return
  }
  // A deletion that was not known yet at a label leaves its events in: each label has a history of its own.
  for (const time of times) {
    const through = deletions.filter(({ available }) => available <= time).map(({ eventTime }) => eventTime)
    const last: Instant = Math.max(Number.NEGATIVE_INFINITY, ...through)
    const left = events.filter(({ stamp }) => stamp.eventTime > last)
    yield* windowsAtLabels(plan, left, [time], { isKnowledgeCutoff })
  }
}

function spreadAnswers(
  { type, values, statuses, eventTimes }: SlotAnswers,
  { slotByLabel }: LabelSlots,
): FeatureColumn {
  return {
    type,
    values: takeValues(type, values, slotByLabel),
    statuses: Uint8Array.from(slotByLabel, (slot) => statuses[slot]!),
    eventTimes: Float64Array.from(slotByLabel, (slot) => eventTimes[slot]!),
  }
}
