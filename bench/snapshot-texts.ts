import type { Snapshot } from '../src/definitions/snapshot.ts'
import { planPacks, servingIndex, splitSnapshot } from '../src/definitions/snapshot-index.ts'
import { packText } from '../src/registry/publish-generation.ts'

/** What KV holds of a snapshot that reads are served from, by key. */
export function snapshotTexts(snapshot: Snapshot): [key: string, text: string][] {
  const { index, texts } = splitSnapshot(snapshot)
  const packs = [index.pieces.services, index.pieces.layouts].flatMap((pieces) =>
    planPacks(pieces).map((pack): [string, string] => [
      `definitions/packs/${pack.hash}`,
      packText(pack, pieces, texts),
    ]),
  )
  return [
    ...packs,
    [`definitions/index/${index.generation}`, JSON.stringify(servingIndex(index))],
    ['definitions/current', String(index.generation)],
  ]
}
