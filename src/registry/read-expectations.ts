import { FeatureStoreError } from '../core/error.ts'
import type { Source } from '../definitions/source.ts'
import type { ExpectationSum, Platform } from '../platform.ts'
import { resolveSource } from './resolve-name.ts'

const DAY_US = 86_400_000_000

export interface SourceExpectation {
  readonly definition: Source['expectations'][number]
  /** Undefined while every row has met it. */
  readonly sum: ExpectationSum | undefined
}

/** A source's expectations and how many rows have not met each, of both doors. Throws `not_found`. */
export async function readExpectations(
  platform: Platform,
  name: string,
): Promise<readonly SourceExpectation[]> {
  const [newest, sums] = await Promise.all([
    platform.registry.read(),
    platform.expectationTallies.read(name, platform.clock.now() - DAY_US),
  ])
  const source = newest?.definitions.sources.find((one) => one.name === name)
  if (source === undefined) {
    await resolveSource(platform, name)
    throw new FeatureStoreError('unavailable', `Cannot read source "${name}": definitions change, try again`)
  }
  return source.expectations.map((definition) => ({ definition, sum: sums[definition.name] }))
}
