/** The blocks of one group of an entity's views, of whatever width. */
export interface BlockSpace {
  readonly entity: string
  readonly group: string
}

/**
 * KV key of a block: `block/<entity>/<group>/<bits>`, bits being the top bits of the hashes of its keys. Bits
 * of another width are of another length, so that two widths stand side by side.
 */
export function blockKey({ entity, group }: BlockSpace, bits: string): string {
  return `block/${entity}/${group}/${bits}`
}
