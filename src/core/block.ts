import { FeatureStoreError } from './error.ts'
import { checksum } from './hash.ts'
import { encodeAsciiString } from './json.ts'
import { parseDecimal } from './parse-decimal.ts'
import type { Instant } from './time.ts'

/**
 * The value of one KV key: neighbouring entities of a shard, their views side by side. All ASCII, so characters
 * are bytes. Numbers are base 36 of fixed width.
 *
 * ```
 * fe1 ccccccc rrrrr ppppppppp vvvvv\n      checksum of the rest of the head, rows, published (ms), length of views
 * ["last_departure@1","last_arrival@1"]\n  the view versions this block is complete for
 * lllllllooooonnnnnnn lllllll…             index: low hash, offset, checksum of each row, sorted by (hash, key)
 * "ATL"\n1163520000000000:12,"DEN"\n\n     rows: key, then a line per view: event time (us) ':' cells, or empty
 * ```
 *
 * A row is found by binary search over the index and cut out; nothing else is looked at. The head is checked when
 * a block is opened, a row when it is first read.
 */
export interface Block {
  readonly text: string
  /** `view@version`, in the order of the lines of a row. */
  readonly views: readonly string[]
  /** Milliseconds since the epoch at which the writer made this text. */
  readonly publishedMs: number
  readonly rowCount: number
  readonly indexStart: number
  readonly rowsStart: number
  /** 1 for each row whose checksum was found right: in memory a text does not change, so once is enough. */
  readonly checkedRows: Uint8Array
  /** Bytes of what readers have made of it and hold as long as it is in memory. */
  derivedBytes: number
}

export interface BlockRow {
  /** Encoded key. */
  readonly key: string
  /** Low word of the key's hash. */
  readonly hashLow: number
  /** By position in `views`; undefined where the view holds no row for the key. */
  readonly views: readonly (BlockCells | undefined)[]
}

export interface BlockCells {
  readonly eventTime: Instant
  /** Feature values as comma-separated JSON texts, in the view's order. */
  readonly cells: string
}

const MAGIC = 'fe1 '
const WORD = 7
const OFFSET = 5
const COUNT = 5
const MILLIS = 9
const ENTRY = WORD + OFFSET + WORD
const HEAD = MAGIC.length + WORD + 1 + COUNT + 1 + MILLIS + 1 + COUNT + 1

/** Writes a block. Rows may come in any order; keys are unique. */
export function encodeBlock(
  views: readonly string[],
  publishedMs: number,
  rows: readonly BlockRow[],
): string {
  const sorted = rows.toSorted((a, b) => a.hashLow - b.hashLow || (a.key < b.key ? -1 : 1))
  let index = ''
  let body = ''
  for (const row of sorted) {
    const text = encodeBlockRow(row)
    index +=
      base36(row.hashLow, WORD) + base36(body.length, OFFSET) + base36(checksum(text, 0, text.length), WORD)
    body += text
  }
  const viewsText = `[${views.map(encodeAsciiString).join(',')}]`
  const head = ` ${base36(sorted.length, COUNT)} ${base36(publishedMs, MILLIS)} ${base36(viewsText.length, COUNT)}\n${viewsText}\n${index}`
  return `${MAGIC}${base36(checksum(head, 0, head.length), WORD)}${head}${body}`
}

/** What a block says, apart from when it was made: equal for two texts of the same views and rows. */
export function blockContent(text: string): string {
  // The count of rows before it follows from the index.
  return text.slice(MAGIC.length + WORD + 1 + COUNT + 1 + MILLIS)
}

/**
 * What stands first in a block: the checksum, which is one of the checksums of all its rows too, and when it was made. Two
 * texts of one key that share it are the same. A checksum of its own comes last.
 */
export function blockHead(text: string): string {
  const head = text.slice(0, HEAD - 1)
  return head + base36(checksum(head, 0, head.length), WORD)
}

/**
 * Whether the text with this head takes the block's place: it is not the same, nor known to be made before it. A damaged
 * head says neither.
 */
export function isReplacedBy(block: Block, sealed: string): boolean {
  const head = sealed.slice(0, HEAD - 1)
  if (sealed !== blockHead(head)) return true
  return !block.text.startsWith(head) && !(block.publishedMs > publishedMsOf(head))
}

/** Checks a block's head and finds its parts. Throws `internal` for a text that is cut short or changed. */
export function openBlock(text: string): Block {
  if (!text.startsWith(MAGIC) || text.length < HEAD) throw corrupt('its head is not one')
  const rowCount = parseBase36(text, MAGIC.length + WORD + 1, COUNT)
  const publishedMs = publishedMsOf(text)
  const viewsLength = parseBase36(text, MAGIC.length + WORD + COUNT + MILLIS + 3, COUNT)
  const indexStart = HEAD + viewsLength + 1
  const rowsStart = indexStart + rowCount * ENTRY
  if (!(rowsStart <= text.length)) throw corrupt('it is cut short')
  if (checksum(text, MAGIC.length + WORD, rowsStart) !== parseBase36(text, MAGIC.length, WORD)) {
    throw corrupt('the checksum of its head differs')
  }
  const views = parseViews(text.slice(HEAD, HEAD + viewsLength))
  const checkedRows = new Uint8Array(rowCount)
  return { text, views, publishedMs, rowCount, indexStart, rowsStart, checkedRows, derivedBytes: 0 }
}

/**
 * The text of an entity's row after its key: one line a view. Undefined when the block has no such entity.
 * Throws `internal` when the row's checksum differs.
 */
export function findBlockRow(block: Block, hashLow: number, key: string): string | undefined {
  const { text, rowCount, rowsStart } = block
  for (let at = lowerBound(block, hashLow); at < rowCount; at++) {
    const entry = block.indexStart + at * ENTRY
    if (parseBase36(text, entry, WORD) !== hashLow) return undefined
    const start = rowsStart + parseBase36(text, entry + WORD, OFFSET)
    const end = at + 1 < rowCount ? rowsStart + parseBase36(text, entry + ENTRY + WORD, OFFSET) : text.length
    if (block.checkedRows[at] !== 1) {
      if (!(start <= end && end <= text.length)) throw corrupt('its index points outside it')
      if (checksum(text, start, end) !== parseBase36(text, entry + WORD + OFFSET, WORD)) {
        throw corrupt('the checksum of a row differs')
      }
      block.checkedRows[at] = 1
    }
    // Two keys may share a hash: the key decides.
    if (text.startsWith(key, start) && text.charCodeAt(start + key.length) === NEWLINE) {
      return text.slice(start + key.length + 1, end)
    }
  }
  return undefined
}

/** Cuts the line of the view at position `view` out of a row found by `findBlockRow`; undefined when empty. */
export function viewCells(row: string, view: number): BlockCells | undefined {
  let start = 0
  for (let skipped = 0; skipped < view; skipped++) start = row.indexOf('\n', start) + 1
  const end = row.indexOf('\n', start)
  if (end === start) return undefined
  const colon = row.indexOf(':', start)
  return { eventTime: parseDecimal(row, start, colon), cells: row.slice(colon + 1, end) }
}

/** Every row of a block, for tests and repair; readers use `findBlockRow`. */
export function decodeBlockRows(block: Block): BlockRow[] {
  return Array.from({ length: block.rowCount }, (_, at) => {
    const entry = block.indexStart + at * ENTRY
    const hashLow = parseBase36(block.text, entry, WORD)
    const start = block.rowsStart + parseBase36(block.text, entry + WORD, OFFSET)
    const key = block.text.slice(start, block.text.indexOf('\n', start))
    const row = findBlockRow(block, hashLow, key)
    if (row === undefined) throw corrupt('its index points at another key')
    return { key, hashLow, views: block.views.map((_view, position) => viewCells(row, position)) }
  })
}

function parseViews(json: string): string[] {
  try {
    return JSON.parse(json) as string[]
  } catch {
    throw corrupt('its views are no list')
  }
}

const NEWLINE = 0x0a

function encodeBlockRow(row: BlockRow): string {
  let text = `${row.key}\n`
  for (const view of row.views) text += view === undefined ? '\n' : `${view.eventTime}:${view.cells}\n`
  return text
}

function lowerBound(block: Block, hashLow: number): number {
  let low = 0
  let high = block.rowCount
  while (low < high) {
    const middle = (low + high) >>> 1
    if (parseBase36(block.text, block.indexStart + middle * ENTRY, WORD) < hashLow) low = middle + 1
    else high = middle
  }
  return low
}

/** Digits two at a time: `toString` took longer than all else of writing a block. */
const PAIRS = Array.from({ length: 36 * 36 }, (_, pair) => pair.toString(36).padStart(2, '0'))

function base36(value: number, width: number): string {
  let text = ''
  let rest = value
  for (let left = width; left > 1; left -= 2) {
    text = PAIRS[rest % PAIRS.length]! + text
    rest = Math.floor(rest / PAIRS.length)
  }
  return width % 2 === 0 ? text : (rest % 36).toString(36) + text
}

/** NaN when a character is no digit of base 36, which no comparison accepts. */
function parseBase36(text: string, start: number, width: number): number {
  let value = 0
  for (let at = start; at < start + width; at++) {
    const code = text.charCodeAt(at)
    const digit =
      code >= 0x61 && code <= 0x7a ? code - 87 : code >= 0x30 && code <= 0x39 ? code - 48 : Number.NaN
    value = value * 36 + digit
  }
  return value
}

function publishedMsOf(text: string): number {
  return parseBase36(text, MAGIC.length + WORD + COUNT + 2, MILLIS)
}

function corrupt(what: string) {
  return new FeatureStoreError('internal', `Cannot read block: ${what}`)
}
