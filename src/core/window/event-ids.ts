import { hash128 } from '../hash.ts'
import { encodeAsciiString } from '../json.ts'
import { formatRadix64 } from '../radix64.ts'
import type { Instant } from '../time.ts'

/**
 * Which events a view's windows have counted (S9), by the hour of their event time, so that whole hours are kept,
 * stored and dropped. An hour holds a digest of each event: 128 bits of MurmurHash3, so that long ids and keys cost
 * no more than short ones. Among 10^9 events two digests agree with a chance of 10^-21.
 */
export interface EventIds {
  readonly digestsByHour: Map<number, Set<string>>
}

/** What makes an event itself: the same three through whichever door it comes. */
export interface EventIdentity {
  /** Text of the source's `event_id` column (`encodeValue`). */
  readonly eventId: string
  /** Encoded key (`encodeKey`). */
  readonly key: string
  readonly eventTime: Instant
}

export function createEventIds(): EventIds {
  return { digestsByHour: new Map() }
}

/** Whole hours since 1970 of an event time: the unit in which ids are stored. */
export function eventHour(eventTime: Instant): number {
  return Math.floor(eventTime / HOUR_US)
}

/** Remembers an event; false when it is known already and must not be counted again. */
export function addEventId({ digestsByHour }: EventIds, event: EventIdentity): boolean {
  const hour = eventHour(event.eventTime)
  const digests = digestsByHour.get(hour) ?? new Set()
  digestsByHour.set(hour, digests)
  const before = digests.size
  return digests.add(digestOf(event)).size > before
}

/** Whether an event has been remembered. */
export function isKnownEvent({ digestsByHour }: EventIds, event: EventIdentity): boolean {
  return digestsByHour.get(eventHour(event.eventTime))?.has(digestOf(event)) === true
}

/**
 * Forgets the hours that end at or before `oldest` (`oldestCounted` of the view's plan): no window counts their
 * events any more. Answers the hours forgotten, for the store to drop them too.
 */
export function dropOldEventIds({ digestsByHour }: EventIds, oldest: Instant): number[] {
  const dropped = [...digestsByHour.keys()].filter((hour) => (hour + 1) * HOUR_US <= oldest)
  for (const hour of dropped) digestsByHour.delete(hour)
  return dropped
}

/** The ids of one hour as text: 24 characters each, in the order in which they came. */
export function encodeEventIds({ digestsByHour }: EventIds, hour: number): string {
  return [...(digestsByHour.get(hour) ?? [])].join('')
}

/** Takes in the ids of an hour that `encodeEventIds` wrote, beside those already known. */
export function decodeEventIds({ digestsByHour }: EventIds, hour: number, text: string): void {
  const digests = digestsByHour.get(hour) ?? new Set()
  for (let at = 0; at < text.length; at += DIGEST_CHARS) digests.add(text.slice(at, at + DIGEST_CHARS))
  digestsByHour.set(hour, digests)
}

const HOUR_US = 3_600_000_000
const WORDS = 4
const WORD_CHARS = 6
const DIGEST_CHARS = WORDS * WORD_CHARS

function digestOf({ eventId, key, eventTime }: EventIdentity): string {
  // Each part is told from the next: the time is a number, and the id is quoted.
  const words = hash128(`${eventTime} ${encodeAsciiString(eventId)} ${key}`)
  return words.map((word) => formatRadix64(word, WORD_CHARS)).join('')
}
