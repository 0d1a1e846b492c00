import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { BlockWidth } from '../platform.ts'

/** What a writer knows beside rows; stored as JSON. */
export interface WriterRecord {
  /** The newest generation's layout it has seen. */
  readonly layout: WriterLayout
  /** Bits of the ranges its rows are kept by: the most that any width ever had. */
  readonly rowBits: number
  readonly widths: readonly WriterWidth[]
  /** Whether KV holds no block made under other versions: until then all are put again, after a restart too. */
  readonly isShown: boolean
}

/**
 * A width in which a group's blocks stand in KV. `filling`: not all of them do yet. `dropping`: they are no
 * longer kept up and are being deleted. `progress`: how many have been put or deleted, in order of their bits.
 */
export interface WriterWidth extends BlockWidth {
  readonly state: 'complete' | 'filling' | 'dropping'
  readonly progress: number
}

/** A record as it was stored; one of 0.1.0 knows of no fills and nothing of `isShown`. */
export function parseRecord(text: string): WriterRecord {
  const record = JSON.parse(text) as WriterRecord
  const entity = { ...record.layout.entity, unfilled: record.layout.entity.unfilled ?? [] }
  const layout = { ...record.layout, entity }
  return { ...record, layout, isShown: record.isShown ?? true }
}

/**
 * The record under a newer layout. A group's first width needs no filling: a reader that lacks a block asks
 * the writer for it. Widths of groups that are gone are dropped. `loggedLater` are the versions whose rows the
 * journal still holds: their columns are needed until it is cut.
 */
export function adoptLayout(
  record: WriterRecord | undefined,
  layout: WriterLayout,
  loggedLater: ReadonlySet<string>,
): WriterRecord {
  const groups = layout.entity.groups
  const kept = (record?.widths ?? []).map((width) => {
    const isGone = width.state !== 'dropping' && !groups.some(({ name }) => name === width.group)
    // What had been put of it is still to be deleted.
    return isGone ? { ...width, state: 'dropping' as const, progress: 0 } : width
  })
  const fresh = groups
    .filter(({ name, blockBits }) => !isPublished(kept, { group: name, blockBits }))
    .map(({ name, blockBits }): WriterWidth => {
      const width = { group: name, blockBits }
      // Half-dropped blocks are out of date: they are put anew.
      const isHalfDropped = kept.some((other) => isSameWidth(other, width))
      return { ...width, state: isHalfDropped ? 'filling' : 'complete', progress: 0 }
    })
  const widths = [...kept.filter((width) => !isPublished(fresh, width)), ...fresh]
  const rowBits = Math.max(
    record?.rowBits ?? 1,
    layout.entity.shardBits,
    ...groups.map(({ blockBits }) => blockBits),
  )
  const former = Object.entries(record?.layout.schemas ?? {}).filter(([view]) => loggedLater.has(view))
  const schemas = { ...Object.fromEntries(former), ...layout.schemas }
  const isShown = record === undefined || (record.isShown && viewsOf(record) === viewsOf({ layout }))
  return { layout: { ...layout, schemas }, rowBits, widths, isShown }
}

/** Names a width among those of one writer. */
export function widthName({ group, blockBits }: BlockWidth): string {
  return `${group}/${blockBits}`
}

/** Replaces what is known of a width, or adds it. */
export function setWidth(record: WriterRecord, width: WriterWidth): WriterRecord {
  const others = record.widths.filter((other) => !isSameWidth(other, width))
  return { ...record, widths: [...others, width], rowBits: Math.max(record.rowBits, width.blockBits) }
}

export function removeWidth(record: WriterRecord, width: BlockWidth): WriterRecord {
  return { ...record, widths: record.widths.filter((other) => !isSameWidth(other, width)) }
}

export function findWidth(record: WriterRecord, wanted: BlockWidth): WriterWidth | undefined {
  return record.widths.find((width) => isSameWidth(width, wanted))
}

/** All blocks of this writer in a width, as bits, from the block numbered `from` on. */
export function* blocksOf({ layout }: WriterRecord, { blockBits }: BlockWidth, from = 0): Iterable<string> {
  const { shardBits } = layout.entity
  const prefix = shardBits === 0 ? '' : layout.shard.toString(2).padStart(shardBits, '0')
  const own = blockBits - shardBits
  for (let at = from; at < 2 ** own; at++) yield prefix + (own === 0 ? '' : at.toString(2).padStart(own, '0'))
}

function isPublished(widths: readonly WriterWidth[], wanted: BlockWidth): boolean {
  return widths.some((width) => isSameWidth(width, wanted) && width.state !== 'dropping')
}

function isSameWidth(a: BlockWidth, b: BlockWidth): boolean {
  return a.group === b.group && a.blockBits === b.blockBits
}

/** Versions whose rows are kept: those served and those being filled. */
export function keptViews({ layout: { entity } }: WriterRecord): string[] {
  return [...entity.groups.flatMap(({ views }) => views), ...entity.unfilled].sort()
}

/** The versions that blocks show, group by group, as text. */
export function viewsOf({ layout }: Pick<WriterRecord, 'layout'>): string {
  return layout.entity.groups.map(({ name, views }) => `${name}:${views.join()}`).join(';')
}
