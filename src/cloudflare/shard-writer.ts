import { DurableObject } from 'cloudflare:workers'
import { drizzle } from 'drizzle-orm/d1'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import { createWriterMemory } from '../ingest/live-blocks.ts'
import { createShardWriter, type ShardWriter } from '../ingest/shard-writer.ts'
import { WRITER_LIMITS, WRITER_MEMORY_BYTES } from '../ingest/writer-platform.ts'
import type {
  BlockAddress,
  BlockRepair,
  BlockWidth,
  Delivery,
  DeliveryAnswer,
  WriterReport,
} from '../platform.ts'
import { type Env, parseVariables } from './env.ts'
import { offlineR2 } from './offline-r2.ts'
import { onlineKv } from './online-kv.ts'
import type { ShardWriterRpc } from './shard-writer-rpc.ts'
import { consoleLog, systemClock } from './system.ts'
import { writerStorageSqlite } from './writer-storage-sqlite.ts'

/** Shared by all writers that this isolate happens to hold. */
const memory = createWriterMemory(WRITER_MEMORY_BYTES)

/** A thin shell around `createShardWriter`: calls in, an alarm out. */
export class ShardWriterObject extends DurableObject<Env> implements ShardWriterRpc {
  readonly #writer: ShardWriter

  constructor(context: DurableObjectState, env: Env) {
    super(context, env)
    const { SEGMENT_AGE_MS } = parseVariables(env)
    this.#writer = createShardWriter(
      {
        storage: writerStorageSqlite(context.storage),
        memory,
        clock: systemClock,
        online: onlineKv(env.ONLINE),
        offline: offlineR2(env.BUCKET, drizzle(env.DB), systemClock),
        log: consoleLog,
      },
      { ...WRITER_LIMITS, ...(SEGMENT_AGE_MS === undefined ? {} : { cutAgeMs: SEGMENT_AGE_MS }) },
    )
  }

  async deliver(delivery: Delivery): Promise<DeliveryAnswer> {
    const answer = this.#writer.deliver(delivery)
    await this.#setAlarm()
    return answer
  }

  async readBlocks(
    layout: WriterLayout,
    blocks: readonly BlockAddress[],
    options: { readonly repair: BlockRepair },
  ): Promise<string[]> {
    const texts = this.#writer.readBlocks(layout, blocks, options)
    await this.#setAlarm()
    return texts
  }

  async readWaiting(views: readonly string[]): Promise<string> {
    return this.#writer.readWaiting(views)
  }

  async flush(cut: boolean): Promise<void> {
    await this.#writer.work({ publish: true, cut })
    await this.#setAlarm()
  }

  /** Woken by Cron: does what is due, should an alarm have been lost. */
  async wake(): Promise<WriterReport> {
    await this.alarm()
    return this.#writer.measureBlocks()
  }

  async addWidth(layout: WriterLayout, width: BlockWidth): Promise<number> {
    const left = this.#writer.addWidth(layout, width)
    await this.#setAlarm()
    return left
  }

  async dropWidth(layout: WriterLayout, width: BlockWidth): Promise<number> {
    const left = this.#writer.dropWidth(layout, width)
    await this.#setAlarm()
    return left
  }

  override async alarm(): Promise<void> {
    await this.#writer.work({ publish: false, cut: false })
    await this.#setAlarm()
  }

  /** One alarm at the earliest time something is due; it is set again only when that becomes earlier. */
  async #setAlarm(): Promise<void> {
    const dueMs = this.#writer.nextWorkMs()
    if (dueMs === null) return
    const setMs = await this.ctx.storage.getAlarm()
    if (setMs === null || dueMs < setMs) await this.ctx.storage.setAlarm(Math.max(dueMs, Date.now()))
  }
}
