import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Env } from '../../src/cloudflare/env.ts'
import { onlineKv } from '../../src/cloudflare/online-kv.ts'
import { blockHead, encodeBlock } from '../../src/core/block.ts'
import { LIMITS } from '../../src/core/limits.ts'

const BULK_BYTES_MAX = 25_000_000
const REFUSAL = 'KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB'

/** A namespace that holds a text of so many bytes under each key, and counts operations as Cloudflare does. */
function countingKv(bytesOf: (key: string) => number) {
  const operations: number[] = []
  const textOf = (key: string) => key.padEnd(bytesOf(key), '.')
  const kv = {
    async get(keys: string | string[]) {
      operations.push(typeof keys === 'string' ? 1 : keys.length)
      if (typeof keys === 'string') return textOf(keys)
      if (keys.length > 100) throw new Error('KV GET_BULK failed: 400 You can request a maximum of 100 keys')
      if (new Set(keys).size < keys.length) throw new Error('a key is asked for twice')
      if (keys.reduce((sum, key) => sum + bytesOf(key), 0) > BULK_BYTES_MAX) throw new Error(REFUSAL)
      return new Map(keys.map((key) => [key, textOf(key)]))
    },
  }
  return { online: onlineKv(kv as unknown as KVNamespace), operations }
}

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `block/${at}`)
}

test('readBlocks() takes one operation for each hundred keys, up to as many as a request may read', async () => {
  const keys = keysOf(LIMITS.readBlocksMax)
  const { online, operations } = countingKv((key) => key.length)
  expect(await online.readBlocks(keys)).toEqual(keys)
  expect(operations).toEqual(Array(40).fill(100))
})

test('readBlocks() halves what KV refuses as too large until every block is read', async () => {
  const keys = keysOf(150)
  const { online, operations } = countingKv(() => 1_000_000)
  const texts = await online.readBlocks(keys)
  expect(texts.map((text) => text!.slice(0, 10).replace(/\.*$/, ''))).toEqual(keys)
  expect(texts[0]).toHaveLength(1_000_000)
  // 100 and 50 are refused, then each half of 50; 25 fit.
  expect(operations.toSorted((a, b) => b - a)).toEqual([100, 50, 50, 50, 25, 25, 25, 25, 25, 25])
})

test('readBlocks() gives up within its share of an invocation, however large blocks are', async () => {
  const { online, operations } = countingKv(() => 24_000_000)
  await expect(online.readBlocks(keysOf(LIMITS.readBlocksMax))).rejects.toMatchObject({
    code: 'limit_exceeded',
  })
  // Four such reads, and what else a request needs, fit into 1,000.
  expect(operations.length).toBeLessThanOrEqual(200)
})

test('readBlocks() passes on any other failure of KV', async () => {
  const kv = { get: () => Promise.reject(new Error('KV GET_BULK failed: 500 Internal Server Error')) }
  await expect(onlineKv(kv as unknown as KVNamespace).readBlocks(keysOf(2))).rejects.toThrow('500')
})

test('listHeads() leaves out what an older release has put, without a head', async () => {
  const { ONLINE } = env as unknown as Env
  const [old, text] = ['block/aged/main/0', encodeBlock(['v@1'], 1, [])]
  await ONLINE.put(old, text)
  await onlineKv(ONLINE).writeBlock('block/aged/main/1', text)
  const heads = await onlineKv(ONLINE).listHeads({ entity: 'aged', group: 'main' }, { operationsMax: 1 })
  expect([...heads]).toEqual([['block/aged/main/1', blockHead(text)]])
})

test('readBlocks() reads more than 25 MB from a real namespace', async () => {
  const online = onlineKv((env as unknown as Env).ONLINE)
  const keys = ['block/large/0', 'block/large/1', 'block/large/2']
  for (const key of keys) await online.writeBlock(key, key.padEnd(10_000_000, '.'))
  const texts = await online.readBlocks(keys)
  expect(texts.map((text) => [text?.slice(0, 13), text?.length])).toEqual(
    keys.map((key) => [key, 10_000_000]),
  )
})
