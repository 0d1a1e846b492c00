import { expect, test } from 'vitest'
import { LIMITS } from '../../src/core/limits.ts'
import { compileDefinitions } from '../../src/definitions/compile.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { planRead } from '../../src/online/plan-read.ts'

/** A service that looks the same entity up under so many names. */
function compileRoles(roles: number) {
  const set = DefinitionSet.parse({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 4_096 }],
    sources: [
      {
        name: 'visits',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'int64' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'visit',
        entity: 'user',
        source: 'visits',
        features: [{ name: 'at', type: 'timestamp', sql: 'at' }],
      },
    ],
    feature_services: [
      {
        name: 'roles',
        features: Array.from({ length: roles }, (_, at) => ({
          view: 'visit',
          join_keys: { user: `user_${at}` },
          prefix: `p${at}_`,
        })),
      },
    ],
  })
  const snapshot = compileDefinitions(set, { generation: 1, versions: { visit: 1 }, blockBits: {} })
  return { snapshot, service: snapshot.services.roles! }
}

function usersOf(rows: number, roles: number): bigint[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: roles }, (_, role) => BigInt(row * roles + role)),
  )
}

test('planRead() plans each block once, whatever entity, role or row it is needed for', () => {
  const { snapshot, service } = compileRoles(3)
  const users = usersOf(200, 3)
  const once = planRead(snapshot, service, users)
  const twice = planRead(snapshot, service, [...users, ...users.map((row) => row.toReversed())])
  expect(new Set(once.blocks.map(({ key }) => key)).size).toBe(once.blocks.length)
  expect(twice.blocks).toEqual(once.blocks)
  expect(twice.lookups).toHaveLength(1_200)
})

test('planRead() refuses a read of more blocks than one request may read, and none of so many', () => {
  const { snapshot, service } = compileRoles(30)
  const fit = planRead(snapshot, service, usersOf(120, 30))
  expect(fit.blocks.length).toBeLessThanOrEqual(LIMITS.readBlocksMax)
  // 4,096 blocks in all: 30,000 keys leave hardly one out.
  expect(() => planRead(snapshot, service, usersOf(1_000, 30))).toThrow(
    expect.objectContaining({ code: 'limit_exceeded' }),
  )
})
