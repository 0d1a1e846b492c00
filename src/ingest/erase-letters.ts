import { splitCells } from '../core/value.ts'
import type { DeadLetterQuery } from '../definitions/dead-letter.ts'
import type { Platform } from '../platform.ts'
import type { Erased, ErasedKeys, ErasedPlace } from '../registry/erased-keys.ts'
import { decodeMessage, encodeMessage, type QueueMessage } from './queue-message.ts'

const LISTED_AT_ONCE = 100

export const LETTERS: ErasedPlace = { name: 'dead_letters', erase: eraseLetters }

/** Takes rows of keys, and their deletions, out of dead letters; one that holds nothing else goes. Answers how many rows that were. */
async function eraseLetters({ deadLetters }: Platform, erasedKeys: ErasedKeys): Promise<Erased> {
  let erased = 0
  let after: DeadLetterQuery['after']
  for (;;) {
    const letters = await deadLetters.list({ limit: LISTED_AT_ONCE, after })
    for (const { id } of letters) {
      const body = await deadLetters.readBody(id)
      if (body === undefined) continue
      const message = readMessage(body)
      if (message === undefined) {
        if (!erasedKeys.mayStandIn(body)) continue
        erased++
        await deadLetters.delete(id)
        continue
      }
      const rows = message.rows.filter(({ cells }) => !isErased(erasedKeys, message, cells))
      if (rows.length === message.rows.length) continue
      erased += message.rows.length - rows.length
      if (rows.length === 0) await deadLetters.delete(id)
      else await deadLetters.rewrite(id, encodeMessage({ ...message, rows }), rows.length)
    }
    const last = letters.at(-1)
    if (last === undefined || letters.length < LISTED_AT_ONCE) return { removed: erased, notes: [] }
    after = { time: last.time, id: last.id }
  }
}

function readMessage(body: string): QueueMessage | undefined {
  try {
    return decodeMessage(body)
  } catch {
    return undefined
  }
}

function isErased({ entity, keys, isInRow }: ErasedKeys, message: QueueMessage, cells: string): boolean {
  if (message.kind === 'deletions') return message.entity === entity && keys.has(cells)
  return isInRow(message.source, { columns: message.columns, texts: splitCells(cells) })
}
