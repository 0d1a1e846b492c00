import type { Aggregator } from './aggregator.ts'

/** Counts non-null inputs: 0 over nothing (S19). */
export function createCount(): Aggregator<number> {
  return {
    stateId: 'count',
    outputType: 'int64',
    create: () => 0,
    update: (state) => state + 1,
    merge: (state, other) => state + other,
    finish: (state) => BigInt(state),
    encode: (state) => (state === 0 ? '' : String(state)),
    decode: (text) => Number(text),
  }
}
