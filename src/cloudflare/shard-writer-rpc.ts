import type { RawLayout } from '../definitions/raw-layout.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
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

/** What a shard writer's Durable Object answers to. */
export interface ShardWriterRpc extends Rpc.DurableObjectBranded {
  deliver(delivery: Delivery): Promise<DeliveryAnswer>
  readBlocks(
    layout: WriterLayout,
    blocks: readonly BlockAddress[],
    options: { readonly repair: BlockRepair },
  ): Promise<string[]>
  readWaiting(views: readonly string[]): Promise<string>
  flush(cut: boolean): Promise<FlushReport>
  wake(): Promise<WriterReport>
  eraseKeys(layout: WriterLayout, keys: readonly string[]): Promise<number | null>
  addWidth(layout: WriterLayout, width: BlockWidth): Promise<number>
  dropWidth(layout: WriterLayout, width: BlockWidth): Promise<number>
  announce(layout: WriterLayout): Promise<number>
  deliverRaw(delivery: RawDelivery): Promise<DeliveryAnswer>
  readWaitingRaw(): Promise<string>
  cutRaw(layout: RawLayout): Promise<void>
  wakeRaw(): Promise<void>
}
