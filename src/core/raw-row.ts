import type { NamedType } from './segment.ts'
import type { Instant } from './time.ts'
import { decodeValue, splitCells, type Value } from './value.ts'

/** An accepted row of a source, as it came, and where it came from. */
export interface RawRow {
  readonly ingestTime: Instant
  readonly sequenceTime: Instant
  readonly sequenceOrigin: string
  readonly sequenceIndex: number
  /** Id of the message that brought it, or of the load's chunk: its rows take effect together (S9). */
  readonly message: string
  /** Generation under which it was taken in: the views of that generation have it without being filled. */
  readonly generation: number
  /** In the order of the source's columns. */
  readonly values: readonly Value[]
}

/** Accepted rows of one message, as they travel to a writer of raw rows and wait in its journal. */
export interface RawGroup {
  readonly message: string
  readonly pushId: string
  readonly doorTime: Instant
  readonly generation: number
  readonly columns: readonly NamedType[]
  /** Position of the event time among the columns. */
  readonly eventTime: number
  /** Lines of a row's index within the push, a tab and its cells. */
  readonly lines: readonly string[]
}

/** A line of JSON, then the rows' lines. Groups are joined by newlines: only a first line begins with a brace. */
export function encodeRawGroup({ lines, ...head }: RawGroup): string {
  return [JSON.stringify(head), ...lines].join('\n')
}

/** The inverse of `encodeRawGroup`, for any number of groups. */
export function decodeRawGroups(text: string): RawGroup[] {
  const groups: (RawGroup & { readonly lines: string[] })[] = []
  for (const line of text === '' ? [] : text.split('\n')) {
    if (line.startsWith('{')) groups.push({ ...(JSON.parse(line) as Omit<RawGroup, 'lines'>), lines: [] })
    else groups.at(-1)!.lines.push(line)
  }
  return groups
}

export function groupRows({ message, pushId, doorTime, generation, columns, lines }: RawGroup): RawRow[] {
  return lines.map((line) => {
    const tab = line.indexOf('\t')
    return {
      ingestTime: doorTime,
      sequenceTime: doorTime,
      sequenceOrigin: pushId,
      sequenceIndex: Number(line.slice(0, tab)),
      message,
      generation,
      values: splitCells(line.slice(tab + 1)).map((cell, at) => decodeValue(columns[at]!.type, cell)),
    }
  })
}
