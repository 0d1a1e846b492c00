import { parseDuration } from '../../src/core/time.ts'
import type { DefinitionSet } from '../../src/definitions/definition-set.ts'

// The model of docs/operations.md, under Costs: list prices, a month of 30 days, without what is free each month.

const SECONDS_PER_MONTH = 30 * 86_400
const DOLLARS_PER_PUT = 5 / 1_000_000
const DOLLARS_PER_SQLITE_ROW = 1 / 1_000_000
const BLOCKS_MIN = 1_024

export interface GroupCost {
  /** `<entity>/<block group>`. */
  readonly group: string
  readonly publish_s: number
  readonly blocks: number
  readonly puts_per_second: number
  /** KV puts, and at most a tenth of a row of SQLite for each event. */
  readonly dollars_a_month: number
}

/**
 * What a stream of events a second costs at each block group, spread evenly over its blocks as many as a group begins with: a
 * block that an event falls into waits for `publish` and takes what comes meanwhile with it.
 */
export function estimateCost(set: DefinitionSet, eventsPerSecond: number): GroupCost[] {
  const groups = new Map<string, number>()
  for (const { entity, block_group, aggregations, publish } of set.feature_views) {
    const group = `${entity}/${block_group ?? (aggregations === undefined ? 'main' : 'windows')}`
    const publishS = Math.max(1, parseDuration(publish) / 1_000_000)
    groups.set(group, Math.min(groups.get(group) ?? Number.POSITIVE_INFINITY, publishS))
  }
  return [...groups].map(([group, publishS]) => {
    const entity = set.entities.find(({ name }) => name === group.split('/')[0])!
    const blocks = Math.max(BLOCKS_MIN, entity.shards)
    const perBlock = eventsPerSecond / blocks
    const puts = eventsPerSecond === 0 ? 0 : blocks / (publishS + 1 / perBlock)
    const dollars = puts * DOLLARS_PER_PUT + eventsPerSecond * 0.1 * DOLLARS_PER_SQLITE_ROW
    return {
      group,
      publish_s: publishS,
      blocks,
      puts_per_second: Number(puts.toPrecision(3)),
      dollars_a_month: Number((dollars * SECONDS_PER_MONTH).toPrecision(3)),
    }
  })
}
