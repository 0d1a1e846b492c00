import { invalid } from '../error.ts'
import { countCodePoints, sliceCodePoints } from './code-points.ts'
import { checkTextSize } from './result-size.ts'

/** DuckDB refuses positions and counts outside this range, and so does the store. */
const POSITION_MIN = -4_294_967_296n
const POSITION_MAX = 4_294_967_295n

/** `count` code points from position `from`; position 0 lies before the first. */
export function substring(text: string, from: bigint, count = POSITION_MAX): string {
  checkPosition(from)
  checkPosition(count)
  const length = countCodePoints(text)
  const start = from < 0n ? length + Number(from) : Number(from) - 1
  const end = start + Number(count)
  return between(text, Math.min(start, end), Math.max(start, end), length)
}

/** The first `count` code points, or all but the last `-count`. */
export function leftPart(text: string, count: bigint): string {
  if (count > 0n) checkPosition(count)
  const length = countCodePoints(text)
  const end = count < 0n ? length + Number(count) : Number(count)
  return between(text, 0, end, length)
}

/** The last `count` code points, or all but the first `-count`. */
export function rightPart(text: string, count: bigint): string {
  const length = countCodePoints(text)
  const start = count < 0n ? -Number(count) : length - Number(count)
  return between(text, start, length, length)
}

/** With every `part` replaced. The size of the result is known, and refused, before it is made. */
export function replaceText(text: string, part: string, by: string): string {
  if (part === '' || !text.includes(part)) return text
  const pieces = text.split(part)
  checkTextSize({ length: text.length + (pieces.length - 1) * (by.length - part.length) })
  return pieces.join(by)
}

/** The part of that number between separators; an empty separator stands between all code points. */
export function splitPart(text: string, separator: string, number: bigint): string {
  const parts = separator === '' ? [...text] : text.split(separator)
  const at = number < 0n ? parts.length + Number(number) : Number(number) - 1
  return parts[at] ?? ''
}

/** Cut to `count` code points, or filled up to them by `join`. */
export function padText(text: string, count: bigint, pad: string, join: (fill: string) => string): string {
  const length = countCodePoints(text)
  const missing = Number(count) - length
  if (missing <= 0) return between(text, 0, Number(count), length)
  if (pad === '') throw invalid(`Cannot pad to ${count} characters: the padding is empty`)
  checkTextSize({ length: text.length + missing })
  const padLength = countCodePoints(pad)
  const fill = pad.repeat(Math.floor(missing / padLength)) + sliceCodePoints(pad, 0, missing % padLength)
  return checkTextSize(join(fill))
}

/** Without the characters given, or spaces of any kind, at the chosen ends. */
export function trimText(
  text: string,
  characters: string | undefined,
  isStart: boolean,
  isEnd: boolean,
): string {
  const points = [...text]
  const isCut = (point: string) => (characters === undefined ? /\p{Zs}/u.test(point) : cut.has(point))
  const cut = new Set(characters)
  let start = 0
  let end = points.length
  if (isStart) while (start < end && isCut(points[start]!)) start++
  if (isEnd) while (end > start && isCut(points[end - 1]!)) end--
  return points.slice(start, end).join('')
}

function between(text: string, start: number, end: number, length: number): string {
  const from = Math.min(Math.max(start, 0), length)
  return sliceCodePoints(text, from, Math.min(Math.max(end, from), length))
}

function checkPosition(position: bigint): void {
  if (position < POSITION_MIN || position > POSITION_MAX) {
    throw invalid(`Cannot take a substring at ${position}: positions and counts are 32 bits`)
  }
}
