import { describe, expect, it } from 'vitest'
import { gunzip } from '../../src/core/gzip.ts'

const TEXT = Array.from({ length: 50_000 }, (_, at) => `${at},"a field of row ${at}"\n`).join('')

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const compressed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(compressed).arrayBuffer())
}

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function unzipped(bytes: Uint8Array, size = 100_000): Promise<string> {
  return new Blob((await Array.fromAsync(gunzip(chunked(bytes, size)))) as Uint8Array<ArrayBuffer>[]).text()
}

describe('gunzip() inside workerd', () => {
  it('gives back what was compressed, whatever the chunks', async () => {
    const bytes = await gzip(TEXT)
    expect(await unzipped(bytes)).toBe(TEXT)
    expect(await unzipped(bytes, 4_093)).toBe(TEXT)
  })

  it('holds little of what comes out, however well it was compressed', async () => {
    let largest = 0
    for await (const part of gunzip(chunked(await gzip('a'.repeat(50_000_000)), 100_000)))
      largest = Math.max(largest, part.length)
    expect(largest).toBeLessThanOrEqual(8_192 * 1_032)
  })

  it.each([
    ['cut short', async () => (await gzip(TEXT)).subarray(0, -20)],
    ['not gzip', async () => new TextEncoder().encode(TEXT)],
    ['two files in one', async () => new Uint8Array([...(await gzip('a')), ...(await gzip('b'))])],
  ])('refuses what is %s', async (_, make) => {
    await expect(unzipped(await make())).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
