import { bitsText } from '../core/entity-key.ts'
import type { RawLayout } from '../definitions/raw-layout.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { RawWriters, ShardWriters } from '../platform.ts'
import type { ShardWriterRpc } from './shard-writer-rpc.ts'

/** The writers as Durable Objects, named `<entity>/<bits>`: the bits of the hashes they own, never a number. */
export function shardWriters(namespace: DurableObjectNamespace<ShardWriterRpc>): ShardWriters {
  const writer = ({ entity, shard }: WriterLayout) =>
    namespace.getByName(`${entity.name}/${entity.shardBits === 0 ? '' : bitsText(shard, entity.shardBits)}`)
  return {
    deliver: (delivery) => writer(delivery.layout).deliver(delivery),
    readBlocks: (layout, blocks, options) => writer(layout).readBlocks(layout, blocks, options),
    readWaiting: (layout, views) => writer(layout).readWaiting(views),
    flush: (layout, { cut }) => writer(layout).flush(cut),
    wake: (layout) => writer(layout).wake(),
    eraseKeys: (layout, keys) => writer(layout).eraseKeys(layout, keys),
    addWidth: (layout, width) => writer(layout).addWidth(layout, width),
    dropWidth: (layout, width) => writer(layout).dropWidth(layout, width),
    announce: (layout) => writer(layout).announce(layout),
  }
}

/** The writers of raw rows: objects of the same class, named `raw/<source>/<bits>`. */
export function rawWriters(namespace: DurableObjectNamespace<ShardWriterRpc>): RawWriters {
  const writer = ({ source, shard, shardBits }: RawLayout) =>
    namespace.getByName(`raw/${source}/${shardBits === 0 ? '' : bitsText(shard, shardBits)}`)
  return {
    deliver: (delivery) => writer(delivery.layout).deliverRaw(delivery),
    readWaiting: (layout) => writer(layout).readWaitingRaw(),
    cut: (layout) => writer(layout).cutRaw(layout),
    wake: (layout) => writer(layout).wakeRaw(),
  }
}
