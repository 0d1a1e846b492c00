import { applyD1Migrations, type D1Migration, reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { inject } from 'vitest'
import type { Env } from '../../src/cloudflare/env.ts'
import { createPlatform } from '../../src/cloudflare/platform.ts'
import type { ShardWriterObject } from '../../src/cloudflare/shard-writer.ts'
import { writerStorageSqlite } from '../../src/cloudflare/writer-storage-sqlite.ts'
import { describeDueWork } from '../contracts/due-work.ts'
import { describePlatform } from '../contracts/platform.ts'
import { describeTrainingPlatform } from '../contracts/training-platform.ts'
import { describeWriterStorage } from '../contracts/writer-storage.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly migrations: D1Migration[]
  }
}

const bindings = env as unknown as Env
let objects = 0

async function createEmptyPlatform() {
  await reset()
  await applyD1Migrations(bindings.DB, inject('migrations'))
  return createPlatform(bindings)
}

describePlatform('Cloudflare', createEmptyPlatform)
describeTrainingPlatform('Cloudflare', createEmptyPlatform)
describeDueWork('Cloudflare', createEmptyPlatform)

/** Where it is deployed, SQLite takes no longer texts; here it does. */
function withRowLimit(storage: DurableObjectStorage): Parameters<typeof writerStorageSqlite>[0] {
  const exec = (query: string, ...values: SqlStorageValue[]) => {
    for (const value of values)
      if (typeof value === 'string' && value.length > 2_000_000) throw new Error('SQLITE_TOOBIG')
    return storage.sql.exec(query, ...values)
  }
  return { sql: { exec } as SqlStorage, transactionSync: (work) => storage.transactionSync(work) }
}

describeWriterStorage('Durable Object', async (work) => {
  const stub = bindings.SHARD_WRITERS.getByName(`contract/${objects++}`)
  await runInDurableObject(stub as never, (_: ShardWriterObject, { storage }) =>
    work(writerStorageSqlite(withRowLimit(storage))),
  )
})
