import { expect, test } from 'vitest'
import { encodeBlock, openBlock } from '../../src/core/block.ts'
import { createBlockCache, writeCachedBlock } from '../../src/core/block-cache.ts'

const blockOf = (publishedMs: number) => openBlock(encodeBlock(['a@1'], publishedMs, []))

test('a block that is found older than the one held keeps that from being let go first (S31)', () => {
  const cache = createBlockCache(600)
  writeCachedBlock(cache, 'a', blockOf(2), 0)
  writeCachedBlock(cache, 'b', blockOf(2), 1)
  // KV lags: the block held is the newer one, and as good as fetched.
  expect(writeCachedBlock(cache, 'a', blockOf(1), 2).publishedMs).toBe(2)
  writeCachedBlock(cache, 'c', blockOf(2), 3)
  expect([...cache.entries.keys()]).toEqual(['a', 'c'])
})
