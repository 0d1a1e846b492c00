import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey, topBits } from '../../src/core/entity-key.ts'
import {
  compareStamps,
  encodeRow,
  isTombstone,
  tombstoneId,
  tombstonesOf,
  type ViewRow,
} from '../../src/core/row.ts'
import { planWindows } from '../../src/core/window/window-plan.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/ingest/checkpoint-text.ts'
import {
  createLiveBlock,
  encodeLiveBlocks,
  findRow,
  forgetKey,
  keepViews,
  mergeRow,
} from '../../src/ingest/live-block.ts'
import { noteCounted, type WindowRules } from '../../src/ingest/window-state.ts'

const VIEWS = ['a@1', 'a@2', 'b@1', tombstoneId(null), tombstoneId('a')]
const TEXTS_PER_ROW = 3
const LATEST = { rulesOf: () => undefined, isWanted: () => true }

const Row = fc.record({
  view: fc.constantFrom(...VIEWS),
  key: fc.constantFrom('1', '2', '3'),
  eventTime: fc.nat(3),
  createdTime: fc.nat(2),
  ingestTime: fc.nat(9),
  sequenceTime: fc.nat(2),
  sequenceOrigin: fc.constantFrom('x', 'y'),
  sequenceIndex: fc.nat(2),
  cells: fc.constantFrom('1', '"a text of more than a few letters"', 'null,2'),
})

type Deed =
  | { readonly row: ViewRow }
  | { readonly kept: readonly string[] }
  | { readonly forgotten: string }
  | 'checkpoint'

const Deeds = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: Row.map((row): Deed => ({ row })) },
    { weight: 1, arbitrary: fc.subarray(VIEWS).map((kept): Deed => ({ kept })) },
    { weight: 1, arbitrary: fc.constantFrom('1', '2').map((forgotten): Deed => ({ forgotten })) },
    { weight: 1, arbitrary: fc.constant<Deed>('checkpoint') },
  ),
  // More rows than a block has room for at first.
  { maxLength: 60, size: 'max' },
)

/** What is held, by S6 and S10 alone: a list of rows. */
function mergeNaively(held: readonly ViewRow[], row: ViewRow): readonly ViewRow[] {
  const beats = (rival: ViewRow) => rival.key === row.key && compareStamps(row, rival) <= 0
  if (held.some((one) => one.view === row.view && beats(one))) return held
  if (
    !isTombstone(row.view) &&
    held.some((one) => tombstonesOf(row.view).includes(one.view as '~') && beats(one))
  )
    return held
  const isDeleted = (one: ViewRow) =>
    isTombstone(row.view) &&
    !isTombstone(one.view) &&
    tombstonesOf(one.view).includes(row.view as '~') &&
    compareStamps(one, row) <= 0
  return [...held.filter((one) => one.key !== row.key || (one.view !== row.view && !isDeleted(one))), row]
}

test('a block holds the newest row of each view and tombstone, whatever is freed and forgotten in between (S6, S10)', () => {
  fc.assert(
    fc.property(Deeds, (deeds) => {
      let block = createLiveBlock()
      const emptyBytes = block.bytes
      let expected: readonly ViewRow[] = []
      let mostRows = 0
      for (const deed of deeds) {
        if (deed === 'checkpoint') {
          const read = createLiveBlock()
          decodeCheckpoint(
            read,
            encodeCheckpoint(block, () => undefined),
            LATEST,
          )
          block = read
        } else if ('row' in deed) {
          const before = expected
          expected = mergeNaively(expected, deed.row)
          const options = { hash: hashKey(deed.row.key), rulesOf: () => undefined, now: 0, batch: undefined }
          expect(mergeRow(block, deed.row, options)).toBe(expected !== before)
        } else if ('kept' in deed) {
          keepViews(block, new Set(deed.kept))
          expected = expected.filter(({ view }) => isTombstone(view) || deed.kept.includes(view))
        } else {
          forgetKey(block, deed.forgotten)
          expected = expected.filter(({ key }) => key !== deed.forgotten)
        }
        const lines = encodeCheckpoint(block, () => undefined)
        expect(lines.split('\n').filter(Boolean).sort()).toEqual(expected.map(encodeRow).sort())
        mostRows = Math.max(mostRows, expected.length)
        for (const row of expected) expect(findRow(block, row.key, row.view)).toEqual(row)
      }
      // A row and the one it is deleted by stand side by side for a moment.
      expect(block.rows.texts.length).toBeLessThanOrEqual(TEXTS_PER_ROW * (mostRows + 1))
      for (const key of ['1', '2', '3']) forgetKey(block, key)
      expect(block.bytes).toBe(emptyBytes)
    }),
    { numRuns: 200 },
  )
})

test('a row that was counted before it was delivered is known until a block shows its version (S9, S33)', () => {
  const count = { name: 'n', function: 'count', input: 0, inputType: 'int64', windows: ['1h'] } as const
  const rules: WindowRules = { plan: planWindows([count]), cellTypes: ['int64'], hasEventId: false }
  const stamp = { eventTime: 5, createdTime: 5, ingestTime: 5, sequenceTime: 5, sequenceOrigin: 'x' }
  const row: ViewRow = { ...stamp, sequenceIndex: 0, view: 'a@1', key: '1', cells: '7' }
  const rulesOf = () => rules
  const options = { hash: hashKey('1'), rulesOf, now: 5, batch: undefined }
  const block = createLiveBlock()
  mergeRow(block, row, options)
  noteCounted(block.rowsByKey.get('1')!.windows!.get('a@1')!, row)
  const read = createLiveBlock()
  decodeCheckpoint(read, encodeCheckpoint(block, rulesOf), { rulesOf, isWanted: () => true })
  expect(mergeRow(read, row, options)).toBe(false)
  expect(mergeRow(read, { ...row, sequenceIndex: 1 }, options)).toBe(true)
  const bits = topBits(hashKey('1').high, 1) === 0 ? '0' : '1'
  encodeLiveBlocks([read], { bits, views: ['a@1'], rulesOf, now: 5 })
  const [line] = encodeCheckpoint(read, rulesOf).split('\n')
  const [before] = encodeCheckpoint(block, rulesOf).split('\n')
  expect(line!.split('\t')).toHaveLength(before!.split('\t').length - 1)
})
