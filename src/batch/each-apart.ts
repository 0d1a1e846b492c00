import type { Platform } from '../platform.ts'

/**
 * Does the same for each of many, some at a time: what fails is logged and keeps no other from it, for whatever keeps failing would hold up
 * those behind it for good. Answers the names of those that failed.
 */
export async function eachApart<T>(
  { log }: Pick<Platform, 'log'>,
  items: readonly T[],
  {
    nameOf,
    failure,
    atOnce = 1,
    run,
  }: {
    readonly nameOf: (item: T) => string
    /** What is logged of one that fails. */
    readonly failure: string
    readonly atOnce?: number
    readonly run: (item: T) => Promise<void>
  },
): Promise<string[]> {
  const failed: string[] = []
  for (let at = 0; at < items.length; at += atOnce) {
    await Promise.all(
      items.slice(at, at + atOnce).map(async (item) => {
        try {
          await run(item)
        } catch (error) {
          failed.push(nameOf(item))
          log.error(failure, { of: nameOf(item), reason: String(error) })
        }
      }),
    )
  }
  return failed
}

/** What a duty did, by what it is called, in a few words; undefined for nothing. */
export function deedsText(deeds: Readonly<Record<string, readonly string[]>>): string | undefined {
  const done = Object.entries(deeds).filter(([, names]) => names.length > 0)
  return done.length === 0
    ? undefined
    : done.map(([deed, names]) => `${deed}: ${names.join(', ')}`).join('; ')
}
