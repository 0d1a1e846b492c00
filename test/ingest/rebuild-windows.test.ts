import { expect, test } from 'vitest'
import { runLoad } from '../../src/batch/run-load.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000

test.each(['at once', 'after a restart'])(
  "a load's event that was ahead of the clock when windows were made anew is counted, %s (S4, S10)",
  async (when) => {
    const platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 1 } })
    await applyClicks(platform, {
      ...CLICKS,
      feature_views: [
        {
          name: 'activity',
          entity: 'user',
          source: 'clicks',
          aggregations: [{ name: 'spent', function: 'sum', sql: 'price', windows: ['1h'] }],
        },
      ],
      feature_services: [{ name: 'ranker', features: [{ view: 'activity' }] }],
    })
    const events = [40, 5].map((ago, at) => {
      const time = formatInstant(START - ago * SECOND)
      return { at: time, made: time, user: 'ann', item: 1, price: 10 ** at }
    })
    await pushEvents(platform, { source: 'clicks', events })
    await platform.consume()
    const times = [START - 10 * SECOND, START + 60 * SECOND]
    const file = writeParquet([
      { name: 'at', type: 'timestamp', values: times },
      { name: 'made', type: 'timestamp', values: times },
      { name: 'user', type: 'string', values: ['ann', 'ann'] },
      { name: 'item', type: 'int64', values: [1n, 1n] },
      { name: 'price', type: 'int64', values: [100n, 1000n] },
    ])
    platform.land('clicks', 'a.parquet', file)
    platform.heldJobs = []
    await startLoads(platform, 'clicks', { badRowsMax: 0 })
    await runLoad(platform, platform.heldJobs[0]!, {
      async step(name, work) {
        // History has the load by now, and the writer has yet to be brought its share.
        if (name === 'run 0 sync 0') {
          const eventTime = START - 20 * SECOND
          await deleteKeys(platform, { entity: 'user', keys: [{ user: 'ann' }], eventTime, views: null })
          await platform.consume()
          await platform.flush({ cut: true })
          if (when === 'after a restart') {
            await platform.flush()
            platform.crash()
          }
          platform.time.now += 61 * SECOND
        }
        return work()
      },
      async sleep() {},
    })
    const { snapshot, service } = await resolveInNewest(platform, 'ranker')
    const rows = parseEntities(service, [{ user: 'ann' }])
    const read = await readFeatures(platform, { snapshot, service }, { rows, consistency: 'strong' })
    expect(valuesOf(read.rows[0]!)).toEqual(['1110'])
  },
)
