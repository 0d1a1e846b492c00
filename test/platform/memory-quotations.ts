import type { JobRecord, LoadChunk, LoadRecord, PushRecord, Quotations, Quoted } from '../../src/platform.ts'
import { QUOTATION_ERASED } from '../../src/platform.ts'

export interface Sentences {
  readonly loads: Map<string, LoadRecord>
  readonly jobs: Map<string, JobRecord>
  readonly chunks: ReadonlyMap<string, Map<number, LoadChunk>>
  readonly pushes: Map<string, PushRecord>
  /** Dead letters and failures of messages. */
  readonly reasons: readonly Map<string, { readonly reason: string }>[]
}

/** Sentences in maps. */
export function memoryQuotations({ loads, jobs, chunks, pushes, reasons }: Sentences): Quotations {
  return {
    async erase(quoted) {
      let erased = 0
      const replace = <T extends object>(map: Map<string | number, T>, field: keyof T & string) => {
        for (const [id, one] of map) {
          if (!isQuoted(String(one[field] ?? ''), quoted)) continue
          map.set(id, { ...one, [field]: QUOTATION_ERASED })
          erased++
        }
      }
      replace(loads as Map<string | number, LoadRecord>, 'error')
      replace(jobs as Map<string | number, JobRecord>, 'error')
      for (const map of reasons) replace(map as Map<string | number, { readonly reason: string }>, 'reason')
      const mended = <T extends { readonly message: string }>(list: readonly T[]): readonly T[] =>
        list.map((one) => (isQuoted(one.message, quoted) ? { ...one, message: QUOTATION_ERASED } : one))
      for (const own of chunks.values()) {
        for (const [at, chunk] of own) {
          if (!chunk.rejections.some(({ message }) => isQuoted(message, quoted))) continue
          own.set(at, { ...chunk, rejections: mended(chunk.rejections) })
          erased++
        }
      }
      for (const [id, push] of pushes) {
        const answer = push.answer === null ? null : JSON.parse(push.answer)
        if (!answer?.rejected?.some((one: { message: string }) => isQuoted(one.message, quoted))) continue
        pushes.set(id, { ...push, answer: JSON.stringify({ ...answer, rejected: mended(answer.rejected) }) })
        erased++
      }
      return erased
    },
  }
}

function isQuoted(sentence: string, quoted: readonly Quoted[]): boolean {
  return quoted.some(({ text, isNumber }) =>
    isNumber ? new RegExp(`[^0-9.-]${text}[^0-9]`).test(` ${sentence} `) : sentence.includes(text),
  )
}
