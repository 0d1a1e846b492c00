import type { GenerationPage, GenerationSummary, Platform } from '../platform.ts'

/** A page of generations, newest first, and before which number the next one begins; undefined where there is none. */
export async function listGenerations(
  { registry }: Platform,
  { before, countMax }: GenerationPage,
): Promise<{ readonly page: readonly GenerationSummary[]; readonly next: number | undefined }> {
  // One more than the page shows whether another follows.
  const found = await registry.list({ before, countMax: countMax + 1 })
  const page = found.slice(0, countMax)
  return { page, next: found.length > countMax ? page.at(-1)?.generation : undefined }
}
