import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Instant } from '../core/time.ts'
import type { UnmetCounts } from '../platform.ts'

/**
 * Some rows of one request on their way through the queue, as text: a line of JSON, then a line a row of its
 * index within the request, a tab and its cells.
 */
export type QueueMessage = EventMessage | DeletionMessage

interface AnyMessage {
  /**
   * Id of the request and index of the first row: the same again when the request is retried under its key
   * (S9).
   */
  readonly id: string
  readonly pushId: string
  readonly doorTime: Instant
  readonly rows: readonly MessageRow[]
}

export interface EventMessage extends AnyMessage {
  readonly kind: 'events'
  readonly source: string
  /** Names of the columns the rows' cells hold, in their order. */
  readonly columns: readonly string[]
  /** Ids of the views they are meant for, when they were released from quarantine; absent means all of the source. */
  readonly views?: readonly string[]
  /** What rows of the push that were rejected did not meet; absent means none. Such a message has no rows. */
  readonly rejected?: UnmetCounts
}

/** Keys to be deleted (S10): the cells of a row are an encoded key. */
export interface DeletionMessage extends AnyMessage {
  readonly kind: 'deletions'
  readonly entity: string
  readonly eventTime: Instant
  /** Names of the views they are deleted from; null for all of the entity. */
  readonly views: readonly string[] | null
}

export interface MessageRow {
  readonly index: number
  /** Comma-separated JSON texts. */
  readonly cells: string
}

/** Characters of one message: queues bill by 64 kB, and all of it is ASCII. */
export const MESSAGE_CHARS_MAX = 62_000

export function encodeMessage({ rows, ...head }: QueueMessage): string {
  return [JSON.stringify(head), ...rows.map(({ index, cells }) => `${index}\t${cells}`)].join('\n')
}

/** The inverse of `encodeMessage`. Throws for a text that it cannot have made. */
export function decodeMessage(text: string): QueueMessage {
  const [head, ...lines] = text.split('\n')
  const rows = lines.map((line) => {
    const tab = line.indexOf('\t')
    return { index: Number(line.slice(0, tab)), cells: line.slice(tab + 1) }
  })
  const message = { ...(JSON.parse(head!) as QueueMessage), rows }
  if (message.kind !== 'events' && message.kind !== 'deletions') throw new TypeError('it is of no known kind')
  return message
}

/** A row's index, its tab and its newline. */
const ROW_CHARS = 8

/**
 * Fills messages with rows, each but the last near to what one may hold; a row too long for that has one to
 * itself. Throws `failed_precondition` for a source whose columns' names fill a message by themselves.
 */
export function encodeMessages<T extends QueueMessage>(
  head: Omit<T, 'id' | 'rows'> & { readonly pushId: string },
  rows: readonly MessageRow[],
  {
    idPrefix = head.pushId,
    rowsMax = Number.POSITIVE_INFINITY,
  }: { readonly idPrefix?: string; readonly rowsMax?: number } = {},
): string[] {
  if ('columns' in head) refuseLongNames(head as unknown as EventMessage)
  const message = (id: string, part: readonly MessageRow[]) =>
    encodeMessage({ ...head, id, rows: part } as unknown as T)
  const roomChars = MESSAGE_CHARS_MAX - message('', []).length - idPrefix.length - ROW_CHARS
  return fillMessages(rows, { roomChars, rowsMax }).map((part) =>
    message(`${idPrefix}.${part[0]!.index}`, part),
  )
}

function refuseLongNames({ source, columns }: EventMessage): void {
  const chars = columns.reduce((sum, name) => sum + name.length, 0)
  if (chars <= LIMITS.columnNamesCharsMax) return
  throw new FeatureStoreError(
    'failed_precondition',
    `Cannot send rows of source "${source}" through the queue: its columns' names have ${chars} characters together, at most ${LIMITS.columnNamesCharsMax} may; land files instead`,
  )
}

function fillMessages(
  rows: readonly MessageRow[],
  { roomChars, rowsMax }: { readonly roomChars: number; readonly rowsMax: number },
): MessageRow[][] {
  const parts: MessageRow[][] = []
  let chars = 0
  for (const row of rows) {
    const rowChars = row.cells.length + ROW_CHARS
    const part = parts.at(-1)
    if (part === undefined || part.length >= rowsMax || chars + rowChars > roomChars) {
      parts.push([row])
      chars = rowChars
    } else {
      part.push(row)
      chars += rowChars
    }
  }
  return parts
}
