import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { Delivery, DeliveryAnswer } from '../platform.ts'

/** What a shard writer's Durable Object answers to. */
export interface ShardWriterRpc extends Rpc.DurableObjectBranded {
  deliver(delivery: Delivery): Promise<DeliveryAnswer>
  readBlocks(layout: WriterLayout, blocks: readonly number[]): Promise<string[]>
  readWaiting(views: readonly string[]): Promise<string>
  flush(cut: boolean): Promise<void>
  wake(): Promise<void>
}
