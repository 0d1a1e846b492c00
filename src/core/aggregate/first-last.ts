import { compareStamps, type StampOrder } from '../row.ts'
import { decodeValue, type ValueType } from '../value.ts'
import type { Aggregator, Input } from './aggregator.ts'
import { encodeStateValue, PART } from './state-text.ts'

/** An input and where its row stands by S6: with it, states can be merged in any order. */
interface Entry {
  readonly order: StampOrder
  readonly value: Input
}

/** The entries nearest to one end of S6, nearest first; at most `n`. */
type Entries = readonly Entry[]

/** Which end of S6: `first` is the oldest row, `last` the newest. */
export type End = 'first' | 'last'

/** The input that stands first or last by S6. */
export function createOne(end: End, inputType: ValueType): Aggregator<Entries> {
  return {
    ...createEntriesState(end, inputType, 1),
    outputType: inputType,
    finish: (state) => state[0]?.value ?? null,
  }
}

/** Up to `n` inputs as a list: `first_n` from the oldest on, `last_n` from the newest back. */
export function createMany(end: End, inputType: ValueType, n: number): Aggregator<Entries> {
  return {
    ...createEntriesState(end, inputType, n),
    outputType: `list<${inputType}>` as ValueType,
    finish: (state) => (state.length === 0 ? null : state.map(({ value }) => value)),
  }
}

function createEntriesState(
  end: End,
  inputType: ValueType,
  n: number,
): Omit<Aggregator<Entries>, 'outputType' | 'finish'> {
  const sign = end === 'first' ? 1 : -1
  const merge = (state: Entries, other: Entries) => mergeEntries(state, other, sign, n)
  return {
    stateId: `${end} ${n}`,
    create: () => [],
    update: (state, value, order) => merge(state, [{ order: orderOf(order), value }]),
    merge,
    encode: (state) => state.map((entry) => encodeEntry(inputType, entry)).join(PART),
    decode(text) {
      const parts = text === '' ? [] : text.split(PART)
      return Array.from({ length: parts.length / PARTS_PER_ENTRY }, (_, at) =>
        decodeEntry(inputType, parts, at * PARTS_PER_ENTRY),
      )
    },
  }
}

/** Merges two sorted lists into the `n` entries nearest to the end. A row met twice counts once. */
function mergeEntries(a: Entries, b: Entries, sign: 1 | -1, n: number): Entries {
  if (b.length === 0) return a
  if (a.length === 0) return b
  const distance = (left: Entry, right: Entry) => compareStamps(left.order, right.order) * sign
  if (a.length === n && distance(a[n - 1]!, b[0]!) <= 0) return a
  const merged: Entry[] = []
  for (let left = 0, right = 0; merged.length < n && (left < a.length || right < b.length); ) {
    const isLeft = right === b.length || (left < a.length && distance(a[left]!, b[right]!) <= 0)
    const isBoth = isLeft && right < b.length && distance(a[left]!, b[right]!) === 0
    merged.push(isLeft ? a[left]! : b[right]!)
    if (isLeft) left++
    if (!isLeft || isBoth) right++
  }
  return merged
}

const PARTS_PER_ENTRY = 6

/** Times as base 36, each as the distance from the one before: created and door time mostly follow the event. */
function encodeEntry(inputType: ValueType, { order, value }: Entry): string {
  const { eventTime, createdTime, sequenceTime, sequenceOrigin, sequenceIndex } = order
  return [
    encodeStateValue(inputType, value),
    eventTime.toString(36),
    (createdTime - eventTime).toString(36),
    (sequenceTime - createdTime).toString(36),
    encodeStateValue('string', sequenceOrigin),
    sequenceIndex.toString(36),
  ].join(PART)
}

function decodeEntry(inputType: ValueType, parts: readonly string[], at: number): Entry {
  const eventTime = Number.parseInt(parts[at + 1]!, 36)
  const createdTime = eventTime + Number.parseInt(parts[at + 2]!, 36)
  return {
    value: decodeValue(inputType, parts[at]!) as Input,
    order: {
      eventTime,
      createdTime,
      sequenceTime: createdTime + Number.parseInt(parts[at + 3]!, 36),
      sequenceOrigin: decodeValue('string', parts[at + 4]!) as string,
      sequenceIndex: Number.parseInt(parts[at + 5]!, 36),
    },
  }
}

/** The order alone: a stamp may be part of a whole row, which a state must not hold on to. */
function orderOf({
  eventTime,
  createdTime,
  sequenceTime,
  sequenceOrigin,
  sequenceIndex,
}: StampOrder): StampOrder {
  return { eventTime, createdTime, sequenceTime, sequenceOrigin, sequenceIndex }
}
