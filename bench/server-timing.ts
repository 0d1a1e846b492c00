import type { BenchAnswer } from './closed-loop.ts'

/** Keys that the store read from KV for an answer, in the background too, as its `server-timing` says. */
export function parseKvKeys({ serverTiming }: BenchAnswer): number {
  const counts = /kv=(\d+) refreshed=(\d+)/.exec(serverTiming ?? '')
  if (counts === null) throw new Error(`Cannot read server-timing "${serverTiming}": it counts no keys`)
  return Number(counts[1]) + Number(counts[2])
}
