import { splitCells } from '../../core/value.ts'
import type { Platform } from '../../platform.ts'
import type { Erased, ErasedKeys } from '../../registry/erased-keys.ts'

/** Batches whose ids are read at once. */
const LISTED_AT_ONCE = 1_000

/** Takes rows of keys out of the quarantine, out of batches that were released as well. Answers how many that were. */
export async function eraseQuarantine(
  { quarantine }: Platform,
  { sources, isInRow }: ErasedKeys,
): Promise<Erased> {
  let erased = 0
  for (const source of sources.keys()) {
    for (let after = ''; ; ) {
      const ids = await quarantine.listIds(source, { after, countMax: LISTED_AT_ONCE })
      for (const id of ids) {
        const batch = await quarantine.read(source, id)
        if (batch === undefined) continue
        const { columns } = batch
        const rows = batch.rows.filter(({ cells }) => !isInRow(source, { columns, texts: splitCells(cells) }))
        erased += batch.rows.length - rows.length
        if (rows.length === 0) await quarantine.delete(source, id)
        else if (rows.length < batch.rows.length) await quarantine.write({ ...batch, rows })
      }
      if (ids.length < LISTED_AT_ONCE) break
      after = ids.at(-1)!
    }
  }
  return { removed: erased, notes: [] }
}
