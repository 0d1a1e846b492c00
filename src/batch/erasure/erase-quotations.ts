import { decodeValue, splitCells } from '../../core/value.ts'
import type { Platform, Quoted } from '../../platform.ts'
import type { Erased, ErasedKeys } from '../../registry/erased-keys.ts'

/** Characters that a sentence quotes of a long value, at the least. */
const QUOTED_CHARS = 60

/** Takes the values of keys out of the sentences that quote them: one of a key's values is enough. */
export async function eraseQuotations(
  { quotations }: Platform,
  { keys, joinKeys }: ErasedKeys,
): Promise<Erased> {
  const quoted = [...keys].flatMap((key) =>
    splitCells(key).flatMap((cell, at): Quoted[] => {
      if (!cell.startsWith('"')) return [{ text: cell, isNumber: true }]
      const value = decodeValue(joinKeys[at]!.type, cell)
      const texts = [
        cell.slice(1, -1),
        ...(typeof value === 'string' ? [value, JSON.stringify(value).slice(1, -1)] : []),
      ]
      return [...new Set(texts)]
        .filter((text) => text !== '')
        .map((text) => ({ text: text.slice(0, QUOTED_CHARS), isNumber: false }))
    }),
  )
  return { removed: await quotations.erase(quoted), notes: [] }
}
