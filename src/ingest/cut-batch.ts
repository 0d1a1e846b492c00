import type { Snapshot } from '../definitions/snapshot.ts'
import type { QueueMessage } from './queue-message.ts'

/** Rows that writers are given of some messages before the next are computed: they take about 15 MB, and an isolate has 128. */
const ROWS_MAX = 50_000

/** Neighbours among the messages of a batch. */
export interface MessageRun {
  /** Position of the first. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** A batch in runs of which no more rows are made than can be held at once, those of one message at least. */
export function cutBatch(snapshot: Snapshot, messages: readonly QueueMessage[]): MessageRun[] {
  const runs: { readonly start: number; end: number }[] = []
  let rows = 0
  messages.forEach((message, at) => {
    const made = message.rows.length * viewCount(snapshot, message)
    const last = runs.at(-1)
    if (last === undefined || rows + made > ROWS_MAX) {
      runs.push({ start: at, end: at + 1 })
      rows = made
    } else {
      last.end = at + 1
      rows += made
    }
  })
  return runs
}

/** How many rows may be made of one of the message's. */
function viewCount({ sources }: Snapshot, message: QueueMessage): number {
  if (message.views != null) return message.views.length
  return message.kind === 'deletions' ? 1 : sources[message.source]!.views.length
}
