import { invalid } from '../error.ts'
import { nearestName } from '../nearest-name.ts'
import { type Instant, isInstant, MICROS_PER_SECOND } from '../time.ts'
import type { Value } from '../value.ts'
import type { Constants, SqlFunction } from './sql-function.ts'
import { boundariesOf, partOf, TIME_PARTS, TIME_UNITS, truncationTo } from './time-parts.ts'

/** Times are instants in UTC with microseconds (S1). */
export const TIME_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['date_part', 'datepart'],
    syntax: "extract(part from t), date_part('part', t)",
    description: 'A number of the calendar or clock; `extract(epoch from t)` is `epoch(t)`.',
    overloads: [
      {
        signature: '(string, timestamp) -> int64',
        check: ([word]) => checkWord(word, TIME_PARTS, (part) => partOf(part) !== undefined),
        evaluateFor: (_, [word]) => {
          const part = typeof word === 'string' ? partOf(word) : undefined
          return part === undefined
            ? (word: string, t: Instant) => found(partOf(word), word)(t)
            : (_: string, t: Instant) => part(t)
        },
      },
    ],
  },
  {
    names: ['date_trunc', 'datetrunc'],
    syntax: "date_trunc('unit', t)",
    description: 'The start of the unit that holds a time; weeks start on Monday.',
    overloads: [
      {
        signature: '(string, timestamp) -> timestamp',
        check: ([word]) => checkWord(word, TIME_UNITS, (unit) => truncationTo(unit) !== undefined),
        evaluateFor: (_, [word]) => {
          const truncate = typeof word === 'string' ? truncationTo(word) : undefined
          return truncate === undefined
            ? (word: string, t: Instant) => checkInstant(found(truncationTo(word), word)(t))
            : (_: string, t: Instant) => checkInstant(truncate(t))
        },
      },
    ],
  },
  {
    names: ['date_diff', 'datediff'],
    syntax: "date_diff('unit', from, to)",
    description: 'How many starts of the unit lie between two times; of weeks, each seventh day.',
    overloads: [
      {
        signature: '(string, timestamp, timestamp) -> int64',
        check: ([word]) => checkWord(word, TIME_UNITS, (unit) => boundariesOf(unit) !== undefined),
        evaluateFor: (_, [word]) => {
          const count = typeof word === 'string' ? boundariesOf(word) : undefined
          return count === undefined
            ? (word: string, from: Instant, to: Instant) => found(boundariesOf(word), word)(from, to)
            : (_: string, from: Instant, to: Instant) => count(from, to)
        },
      },
    ],
  },
  {
    names: ['epoch'],
    description: 'Seconds since 1970 with fraction.',
    overloads: [{ signature: '(timestamp) -> float64', evaluate: (t: Instant) => t / MICROS_PER_SECOND }],
  },
  {
    names: ['epoch_ms'],
    description:
      'Milliseconds since 1970, cut towards zero; of a number, the time so many milliseconds after 1970.',
    overloads: [
      { signature: '(timestamp) -> int64', evaluate: (t: Instant) => BigInt(Math.trunc(t / 1_000)) },
      { signature: '(int64) -> timestamp', evaluate: (ms: bigint) => checkInstant(Number(ms * 1_000n)) },
    ],
  },
  {
    names: ['epoch_us'],
    description: 'Microseconds since 1970.',
    overloads: [{ signature: '(timestamp) -> int64', evaluate: (t: Instant) => BigInt(t) }],
  },
  {
    names: ['make_timestamp'],
    description: 'The time so many microseconds after 1970.',
    overloads: [{ signature: '(int64) -> timestamp', evaluate: (us: bigint) => checkInstant(Number(us)) }],
  },
  {
    names: ['to_timestamp'],
    description: 'The time so many seconds after 1970, to the nearest microsecond.',
    overloads: [
      {
        signature: '(float64) -> timestamp',
        evaluate: (seconds: number) => checkInstant(Math.round(seconds * MICROS_PER_SECOND)),
      },
    ],
  },
]

/** What is wrong with a constant word for a part or unit of time. */
function checkWord(
  word: Constants[number],
  known: readonly string[],
  isKnown: (word: string) => boolean,
): string | undefined {
  if (typeof word !== 'string' || isKnown(word)) return undefined
  const nearest = nearestName(word, known)
  return `there is no part of time "${word}"${nearest === undefined ? '' : ` (did you mean "${nearest}"?)`}`
}

function found<T>(choice: T | undefined, word: Value): T {
  if (choice === undefined) throw invalid(`Cannot find part of time "${word}": there is none of that name`)
  return choice
}

function checkInstant(micros: number): Instant {
  if (!isInstant(micros)) throw invalid('Cannot make a time: it lies outside 1684-07-28 to 2255-06-05')
  return micros
}
