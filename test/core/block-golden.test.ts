// What was once published decodes for ever. A new format adds files here; the old ones stay as they are.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type BlockRow, decodeBlockRows, encodeBlock, openBlock } from '../../src/core/block.ts'
import { hashKey } from '../../src/core/entity-key.ts'

interface Golden {
  readonly file: string
  readonly views: readonly string[]
  readonly publishedMs: number
  readonly rows: readonly BlockRow[]
}

function row(key: string, views: BlockRow['views']): BlockRow {
  return { key, hashLow: hashKey(key).low, views }
}

const GOLDEN: readonly Golden[] = [
  { file: 'fe1-empty.txt', views: ['clicks@1'], publishedMs: 1_795_000_000_000, rows: [] },
  { file: 'fe1-no-views.txt', views: [], publishedMs: 0, rows: [row('"ann"', [])] },
  {
    file: 'fe1-two-views.txt',
    views: ['last_arrival@1', 'last_departure@12'],
    publishedMs: 1_795_000_000_000,
    rows: [
      row('"ATL"', [undefined, { eventTime: 1_794_999_960_000_000, cells: '12' }]),
      row('"LAX"', [
        { eventTime: 0, cells: 'null' },
        { eventTime: -9_007_199_254_740_991, cells: '-0' },
      ]),
      row('"SFO"', [undefined, undefined]),
    ],
  },
  {
    file: 'fe1-values.txt',
    views: ['values@1'],
    publishedMs: 1,
    rows: [
      row('9223372036854775807,""', [
        { eventTime: 9_007_199_254_740_991, cells: '-9223372036854775808,"NaN",5e-324,true' },
      ]),
      row('-1,"\\u00fc,\\n\\""', [
        { eventTime: 1, cells: '"\\ud83d\\ude00 null","[,]",[],[null,"]"],null,"AAECAw=="' },
      ]),
    ],
  },
]

for (const { file, views, publishedMs, rows } of GOLDEN) {
  const text = readFileSync(join(import.meta.dirname, 'golden', file), 'utf8')

  test(`${file} is read as what it was written from`, () => {
    const block = openBlock(text)
    const byKey = (a: BlockRow, b: BlockRow) => (a.key < b.key ? -1 : 1)
    expect(block.views).toEqual(views)
    expect(block.publishedMs).toBe(publishedMs)
    expect(decodeBlockRows(block).sort(byKey)).toEqual(rows.toSorted(byKey))
  })

  test(`${file} is what is written today`, () => {
    expect(encodeBlock(views, publishedMs, rows)).toBe(text)
  })
}
