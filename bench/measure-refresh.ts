import { createLoopClient } from './closed-loop.ts'
import type { Comparison } from './comparison.ts'
import { createProfile } from './profiles.ts'
import { FEATURE_COUNT, startStore } from './serving-workers.ts'

/**
 * KV puts of a full refresh: a landed file brings every entity new values, and when its load has ended all of them are in
 * KV. Against one put for each entity. The first load, which fills an empty store, is not counted.
 */
export async function measureRefresh({ entityCount }: { readonly entityCount: number }): Promise<Comparison> {
  const client = createLoopClient()
  const store = await startStore({ isRecorded: true })
  try {
    await store.apply(client)
    const refresh = async (round: number) => {
      const entities = Array.from({ length: entityCount }, (_, user) =>
        createProfile(user + round * entityCount, FEATURE_COUNT),
      )
      await store.loadFile(client, `round-${round}.parquet`, entities)
      await store.untilVisible(client, entities)
      return store.readRecord(client)
    }
    const before = await refresh(0)
    const startMs = Date.now()
    const after = await refresh(1)
    return {
      name: 'puts_full_refresh',
      ours: after.putCount - before.putCount,
      baseline: entityCount,
      unit: 'puts',
      facts: { elapsed_ms: after.putMs - startMs },
    }
  } finally {
    client.close()
    await store.close()
  }
}
