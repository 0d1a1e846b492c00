import type { Instant } from '../core/time.ts'

/**
 * Some rows of one push on their way through the queue, as text: a line of JSON, then a line a row of its index
 * within the push, a tab and its values as comma-separated JSON texts.
 */
export interface EventMessage {
  /** Push id and index of the first row: the same again when the push is retried under its key (S9). */
  readonly id: string
  readonly source: string
  readonly pushId: string
  readonly doorTime: Instant
  /** Names of the columns the rows hold, in their order. */
  readonly columns: readonly string[]
  readonly rows: readonly EventRow[]
}

export interface EventRow {
  readonly index: number
  readonly cells: string
}

/** Characters of one message: queues bill by 64 kB, and all of it is ASCII. */
export const MESSAGE_CHARS_MAX = 62_000

export function encodeMessage({ rows, ...head }: EventMessage): string {
  return [JSON.stringify(head), ...rows.map(({ index, cells }) => `${index}\t${cells}`)].join('\n')
}

export function decodeMessage(text: string): EventMessage {
  const [head, ...lines] = text.split('\n')
  const rows = lines.map((line) => {
    const tab = line.indexOf('\t')
    return { index: Number(line.slice(0, tab)), cells: line.slice(tab + 1) }
  })
  return { ...(JSON.parse(head!) as Omit<EventMessage, 'rows'>), rows }
}
