import { DurableObject } from 'cloudflare:workers'
import { drizzle } from 'drizzle-orm/d1'
import type { RawLayout } from '../definitions/raw-layout.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import { createWriterMemory } from '../ingest/live-blocks.ts'
import { createRawWriter, type RawWriter, readRawRecord } from '../ingest/raw-writer.ts'
import { createShardWriter, type ShardWriter } from '../ingest/shard-writer.ts'
import {
  WRITER_LIMITS,
  WRITER_MEMORY_BYTES,
  type WriterLimits,
  type WriterPlatform,
} from '../ingest/writer-platform.ts'
import type {
  BlockAddress,
  BlockRepair,
  BlockWidth,
  Delivery,
  DeliveryAnswer,
  FlushReport,
  RawDelivery,
  WriterReport,
} from '../platform.ts'
import { type Env, parseVariables } from './env.ts'
import { offlineR2 } from './offline-r2.ts'
import { onlineKv } from './online-kv.ts'
import type { ShardWriterRpc } from './shard-writer-rpc.ts'
import { consoleLog, systemClock } from './system.ts'
import { untilIdle } from './until-idle.ts'
import { writerStorageSqlite } from './writer-storage-sqlite.ts'

/** Shared by all writers that this isolate happens to hold. */
const memory = createWriterMemory(WRITER_MEMORY_BYTES)

/** An alarm still set this long after its time does not come any more. */
const ALARM_LATE_MS_MAX = 10_000

/**
 * A thin shell around `createShardWriter`, or around `createRawWriter` under a name of its own: calls in, an alarm out.
 */
export class ShardWriterObject extends DurableObject<Env> implements ShardWriterRpc {
  readonly #platform: WriterPlatform
  readonly #limits: WriterLimits
  #shardWriter: ShardWriter | undefined
  #rawWriter: RawWriter | undefined
  /** Until the first look at the alarm. */
  #isFresh = true

  constructor(context: DurableObjectState, env: Env) {
    super(context, env)
    const { SEGMENT_AGE_MS } = parseVariables(env)
    this.#limits = { ...WRITER_LIMITS, ...(SEGMENT_AGE_MS === undefined ? {} : { cutAgeMs: SEGMENT_AGE_MS }) }
    this.#platform = {
      storage: writerStorageSqlite(context.storage),
      memory,
      clock: systemClock,
      online: onlineKv(env.ONLINE),
      offline: offlineR2(env.BUCKET, drizzle(env.DB), systemClock),
      log: consoleLog,
      untilIdle,
    }
  }

  get #writer(): ShardWriter {
    this.#shardWriter ??= createShardWriter(this.#platform, this.#limits)
    return this.#shardWriter
  }

  get #raw(): RawWriter {
    this.#rawWriter ??= createRawWriter(this.#platform, this.#limits)
    return this.#rawWriter
  }

  /** Which of the two this object is: its storage says, for an alarm comes without a name. */
  get #isRaw(): boolean {
    return this.#rawWriter !== undefined || readRawRecord(this.#platform.storage.readRecord()) !== undefined
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
    const waiting = this.#writer.readWaiting(views)
    if (this.#isFresh) await this.#setAlarm()
    return waiting
  }

  async flush(cut: boolean): Promise<FlushReport> {
    await this.#writer.work({ publish: true, cut })
    await this.#setAlarm()
    return this.#writer.reportJournal()
  }

  /** Woken by Cron: does what is due, should an alarm have been lost. */
  async wake(): Promise<WriterReport> {
    await this.alarm()
    return this.#writer.measureBlocks()
  }

  async eraseKeys(layout: WriterLayout, keys: readonly string[]): Promise<number | null> {
    const found = this.#writer.eraseKeys(layout, keys)
    await this.#setAlarm()
    return found
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

  async announce(layout: WriterLayout): Promise<number> {
    const left = await this.#writer.announce(layout)
    await this.#setAlarm()
    return left
  }

  async deliverRaw(delivery: RawDelivery): Promise<DeliveryAnswer> {
    const answer = this.#raw.deliver(delivery)
    await this.#setAlarm()
    return answer
  }

  async readWaitingRaw(): Promise<string> {
    return this.#raw.readWaiting()
  }

  async cutRaw(layout: RawLayout): Promise<void> {
    await this.#raw.cut(layout)
    await this.#setAlarm()
  }

  async wakeRaw(): Promise<void> {
    await this.#raw.work()
    await this.#setAlarm()
  }

  override async alarm(): Promise<void> {
    if (this.#isRaw) await this.#raw.work()
    else await this.#writer.work({ publish: false, cut: false })
    await this.#setAlarm()
  }

  /**
   * One alarm at the earliest time something is due; it is set again only when that becomes earlier, or when it is
   * lost: one that should have come before this object was even made does not come any more.
   */
  async #setAlarm(): Promise<void> {
    const dueMs = this.#isRaw ? this.#raw.nextWorkMs() : this.#writer.nextWorkMs()
    if (dueMs === null) return
    const nowMs = Date.now()
    const setMs = await this.ctx.storage.getAlarm()
    const isLost = setMs !== null && setMs < nowMs - (this.#isFresh ? 0 : ALARM_LATE_MS_MAX)
    this.#isFresh = false
    if (setMs === null || dueMs < setMs || isLost) await this.ctx.storage.setAlarm(Math.max(dueMs, nowMs))
  }
}
