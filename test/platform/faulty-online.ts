import type { Clock, OnlineStore } from '../../src/platform.ts'
import { LISTED_KEYS_MAX, listHeads } from './list-heads.ts'

/** How KV misbehaves, by its documents. Fractions lie between 0 and 1. */
export interface OnlineFaults {
  /** Reads show what was there up to this long ago, a miss included; each read for itself. */
  staleMs: number
  /** How many of the puts fail for no reason. */
  putFailures: number
}

/** Blocks in memory with KV's faults: stale reads, cached misses, one put a second per key, failing puts, counted operations. */
export interface FaultyOnline extends OnlineStore {
  readonly faults: OnlineFaults
  readonly counts: { puts: number; refused: number; deletes: number; keysRead: number; operations: number }
  /** What has been put last, whatever readers see. */
  readonly current: ReadonlyMap<string, string>
}

/** Keys that one operation of KV reads. */
const BULK_KEYS_MAX = 100

export function faultyOnline(clock: Clock, random: () => number, faults: OnlineFaults): FaultyOnline {
  const versions = new Map<string, { readonly timeMs: number; readonly text: string | null }[]>()
  const current = new Map<string, string>()
  const counts = { puts: 0, refused: 0, deletes: 0, keysRead: 0, operations: 0 }
  const nowMs = () => clock.now() / 1_000

  function write(key: string, text: string | null): void {
    const history = versions.get(key) ?? []
    const last = history.at(-1)
    if (last !== undefined && nowMs() - last.timeMs < 1_000) {
      counts.refused++
      throw new Error('429 Too Many Requests')
    }
    history.push({ timeMs: nowMs(), text })
    if (history.length > 100) history.shift()
    versions.set(key, history)
    if (text === null) current.delete(key)
    else current.set(key, text)
  }

  function read(key: string): string | null {
    const seenMs = nowMs() - random() * faults.staleMs
    return versions.get(key)?.findLast(({ timeMs }) => timeMs <= seenMs)?.text ?? null
  }

  return {
    faults,
    counts,
    current,
    async readBlocks(keys) {
      counts.keysRead += keys.length
      counts.operations += Math.ceil(keys.length / BULK_KEYS_MAX)
      return keys.map(read)
    },
    async listHeads(space, options) {
      const seen = [...versions.keys()].map((key) => [key, read(key)] as const)
      const heads = listHeads(
        seen.flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])),
        space,
        options,
      )
      counts.operations += Math.ceil(Math.max(heads.size, 1) / LISTED_KEYS_MAX)
      return heads
    },
    async writeBlock(key, text) {
      counts.operations++
      if (random() < faults.putFailures) throw new Error('KV does not answer')
      write(key, text)
      counts.puts++
    },
    async deleteBlock(key) {
      counts.operations++
      write(key, null)
      counts.deletes++
    },
  }
}
