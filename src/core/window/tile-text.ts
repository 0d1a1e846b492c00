import { assert, FeatureStoreError } from '../error.ts'
import { formatRadix64, parseRadix64 } from '../radix64.ts'
import type { DurationUs, Instant } from '../time.ts'
import type { TileSeries, Tiles } from './tiles.ts'
import type { SeriesPlan, WindowPlan } from './window-plan.ts'

/**
 * A key's tiles as printable ASCII. Times are counted in microseconds, hops from 1970; `;` stands between parts, and
 * each series of the plan has the same parts, one after another:
 *
 * ```
 * z1k9!;                 deleted through, base 36, or empty; `!` when the tiles need a rebuild
 * aud7.3.1.2;            runs of tiles, base 36: hop of the first, tiles, hops left out, tiles, …
 * AAAAABBBBBCCCCC…;      first event of each tile, from the tile's start, radix 64 of the hop's width
 * AAAABBBBBBCCCCC…;      last event of each tile, likewise
 * 5|1|7|2|9;             a column: the state of each tile, none where it is empty
 * 5~12|1~3|7~-8|…        the next column
 * ```
 */
export function encodeTiles(plan: WindowPlan, tiles: Tiles): string {
  const parts = [`${tiles.deletedThrough?.toString(36) ?? ''}${tiles.needsRebuild ? REBUILD : ''}`]
  plan.series.forEach(({ hopUs, columns }, at) => {
    const series = tiles.series[at]!
    const width = offsetWidth(hopUs)
    const encodeOffset = (time: Instant, tile: number) => formatRadix64(time - series.starts[tile]!, width)
    parts.push(encodeStarts(series.starts, hopUs))
    parts.push(series.firsts.map(encodeOffset).join(''), series.lasts.map(encodeOffset).join(''))
    columns.forEach(({ aggregator }, column) => {
      parts.push(series.columns[column]!.map((state) => aggregator.encode(state)).join('|'))
    })
  })
  return parts.join(';')
}

/**
 * The inverse of `encodeTiles` under the same plan; under a projection of it, columns left out are empty. Throws
 * `internal` for a text of another plan.
 */
export function decodeTiles(plan: WindowPlan, text: string): Tiles {
  return decodeParts(plan, text, decodeOffsets)
}

/** Tiles for `finishWindows` alone, which asks for no tile's oldest event: a part of the time is spared. */
export function decodeTilesToFinish(plan: WindowPlan, text: string): Tiles {
  return decodeParts(plan, text, () => [])
}

/** Reads offsets of `width` digits into the tiles that start at `starts`. */
type DecodeTimes = (offsets: string, starts: readonly Instant[], width: number) => Instant[]

function decodeParts(plan: WindowPlan, text: string, decodeFirsts: DecodeTimes): Tiles {
  const parts = text.split(';')
  const needed = plan.series.reduce((sum, { columns }) => sum + SERIES_PARTS + columns.length, 1)
  if (parts.length !== needed) throw corrupt(`it has ${parts.length} parts, ${needed} are needed`)
  const needsRebuild = parts[0]!.endsWith(REBUILD)
  const deleted = needsRebuild ? parts[0]!.slice(0, -REBUILD.length) : parts[0]!
  let at = 1
  const series = plan.series.map((seriesPlan) => {
    const own = parts.slice(at, at + SERIES_PARTS + seriesPlan.columns.length)
    at += own.length
    return decodeSeries(seriesPlan, own, decodeFirsts)
  })
  return { deletedThrough: deleted === '' ? null : Number.parseInt(deleted, 36), needsRebuild, series }
}

const REBUILD = '!'
/** Parts of a series before its columns. */
const SERIES_PARTS = 3

function decodeSeries(
  { hopUs, columns }: SeriesPlan,
  parts: readonly string[],
  decodeFirsts: DecodeTimes,
): TileSeries {
  const [runs, firsts, lasts, ...states] = parts
  const starts = decodeStarts(runs!, hopUs)
  const width = offsetWidth(hopUs)
  if (firsts!.length !== starts.length * width || lasts!.length !== firsts!.length) {
    throw corrupt('its times do not belong to its tiles')
  }
  return {
    starts,
    firsts: decodeFirsts(firsts!, starts, width),
    lasts: decodeOffsets(lasts!, starts, width),
    columns: columns.map(({ aggregator, windows }, column) => {
      if (windows.length === 0) return []
      const texts = starts.length === 0 ? [] : states[column]!.split('|')
      if (texts.length !== starts.length) throw corrupt('its states do not belong to its tiles')
      return texts.map((state) => aggregator.decode(state))
    }),
  }
}

function decodeOffsets(offsets: string, starts: readonly Instant[], width: number): Instant[] {
  return starts.map((start, tile) => start + parseRadix64(offsets, tile * width, width))
}

/** Digits of radix 64 that hold every offset into a hop. */
function offsetWidth(hopUs: DurationUs): number {
  let width = 1
  for (let end = 64; end < hopUs; end *= 64) width++
  return width
}

function encodeStarts(starts: readonly Instant[], hopUs: DurationUs): string {
  const runs: number[] = []
  starts.forEach((start, tile) => {
    assert(start % hopUs === 0, 'a tile starts at a whole hop')
    const step = tile === 0 ? Number.NaN : (start - starts[tile - 1]!) / hopUs
    if (step === 1) runs[runs.length - 1]!++
    else runs.push(tile === 0 ? start / hopUs : step - 1, 1)
  })
  return runs.map((run) => run.toString(36)).join('.')
}

function decodeStarts(text: string, hopUs: DurationUs): Instant[] {
  const starts: Instant[] = []
  if (text === '') return starts
  let hop = 0
  text.split('.').forEach((run, at) => {
    const count = Number.parseInt(run, 36)
    if (at % 2 === 1) for (let tile = 0; tile < count; tile++) starts.push((hop + tile) * hopUs)
    hop += count
  })
  return starts
}

function corrupt(what: string) {
  return new FeatureStoreError('internal', `Cannot read tiles: ${what}`)
}
