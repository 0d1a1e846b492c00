import { type FeatureColumn, STATUS_CODES } from '../core/feature-column.ts'
import type { LabelSlots } from '../core/join.ts'
import type { Instant } from '../core/time.ts'
import type { Value } from '../core/value.ts'
import { copyValues, createVectorValues, takeValues, type VectorValues } from '../core/vector.ts'
import { createEventColumns, type EventColumns, listEvents } from '../core/window/event-columns.ts'
import type { FinishedWindows } from '../core/window/finish-windows.ts'
import { orderEvents } from '../core/window/order-events.ts'
import { oldestCounted, type WindowPlan } from '../core/window/window-plan.ts'
import { type TakeFinished, windowsAtLabels } from '../core/window/windows-at-labels.ts'
import type { CompiledView, CompiledWindows, Snapshot } from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import { type Deletion, type HeldKeys, holdEvents } from './hold-events.ts'
import type { ViewLabels } from './join-view.ts'
import type { LogPlatform } from './read-log.ts'

/** Of the events held at once; the keys of a partition are taken in as many passes over its segments as that needs. */
const EVENT_BYTES_MAX = 16_000_000

export interface WindowedView {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  readonly windows: CompiledWindows
}

/**
 * Joins labels with the windows of one view, point in time: the events that each label's windows count, through the same
 * tiles that serve them (S17, S22). Memory holds the labels, `bytesMax` of events (or those of one key, if they are more)
 * and one row group.
 */
export async function joinWindows(
  platform: LogPlatform,
  windowed: WindowedView,
  labels: ViewLabels,
  { bytesMax = EVENT_BYTES_MAX } = {},
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
  const events = createEventColumns(
    windowed.view.columns.map(({ type }) => type),
    bytesMax,
  )
  for (let keyStart = 0; keyStart < slots.numberByKey.size; ) {
    const held = await holdEvents(platform, windowed, events, { labels, oldestByKey, keyStart, bytesMax })
    answerKeys({ windowed, labels, events }, { ...held, keyStart }, answers)
    keyStart = held.keyEnd
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

function answerKeys(
  {
    windowed: { windows },
    labels: { slots, isKnowledgeCutoff },
    events,
  }: { readonly windowed: WindowedView; readonly labels: ViewLabels; readonly events: EventColumns },
  { keyStart, keyEnd, deletionsByKey }: HeldKeys & { readonly keyStart: number },
  answers: readonly SlotAnswers[],
): void {
  const plan = windowPlan(windows)
  const { hasEventId } = windows
  const { order, starts } = orderEvents(events, { keyStart, keyEnd, isKnowledgeCutoff, hasEventId })
  let start = 0
  const take: TakeFinished = (label, finished) => keepAnswers(answers, start + label, finished)
  for (let key = keyStart; key < keyEnd; key++) {
    start = slots.starts[key]!
    const history = {
      events,
      order: order.subarray(starts[key - keyStart]!, starts[key - keyStart + 1]!),
      deletions: deletionsByKey.get(key) ?? [],
      labelTimes: slots.times.subarray(start, slots.starts[key + 1]!),
    }
    if (isKnowledgeCutoff && history.deletions.length > 0) finishLabels(plan, history, take)
    else finishKey(plan, history, isKnowledgeCutoff, take)
  }
}

/** One key's events, in the order in which windows take them, its deletions and labels. */
interface KeyHistory {
  readonly events: EventColumns
  readonly order: Int32Array
  readonly deletions: readonly Deletion[]
  readonly labelTimes: Float64Array
}

function finishKey(
  plan: WindowPlan,
  { events, order, deletions, labelTimes }: KeyHistory,
  isKnowledgeCutoff: boolean,
  take: TakeFinished,
): void {
  const through = deletions.map(({ eventTime }) => eventTime).sort((a, b) => a - b)
  const own = { events: listEvents(events, order), labelTimes, deletions: through, isKnowledgeCutoff }
  windowsAtLabels(plan, own, take)
}

/** A deletion that was not known yet at a label leaves its events in: each label has a history of its own (S5, S10). */
function finishLabels(
  plan: WindowPlan,
  { events, order, deletions, labelTimes }: KeyHistory,
  take: TakeFinished,
): void {
  for (const [label, time] of labelTimes.entries()) {
    const known = deletions.filter((one) => Math.max(one.eventTime, one.createdTime) <= time)
    const last: Instant = Math.max(Number.NEGATIVE_INFINITY, ...known.map(({ eventTime }) => eventTime))
    const left = order.filter((event) => events.stamps.eventTime[event]! > last)
    const own = { events: listEvents(events, left), labelTimes: [time], isKnowledgeCutoff: true }
    windowsAtLabels(plan, own, (_, finished) => take(label, finished))
  }
}

function keepAnswers(answers: readonly SlotAnswers[], slot: number, finished: FinishedWindows<Value>): void {
  for (const { output, values, statuses, eventTimes } of answers) {
    const value = finished.cells[output]!
    // A null stands for no value in any type's array; its status says so.
    if (value !== null) (values as Value[])[slot] = value
    statuses[slot] = STATUS_CODES[finished.statuses[output]!]
    eventTimes[slot] = finished.eventTimes[output] ?? Number.NaN
  }
}

function spreadAnswers(
  { type, values, statuses, eventTimes }: SlotAnswers,
  { slotByLabel }: LabelSlots,
): FeatureColumn {
  const spread = {
    type,
    values: takeValues(type, values, slotByLabel),
    statuses: new Uint8Array(slotByLabel.length),
    eventTimes: new Float64Array(slotByLabel.length),
  }
  copyValues(eventTimes, slotByLabel, spread.eventTimes, undefined)
  for (let label = 0; label < slotByLabel.length; label++)
    spread.statuses[label] = statuses[slotByLabel[label]!]!
  return spread
}
