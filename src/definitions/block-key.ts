/** The blocks of an entity that one width of hash bits and one group of views make. */
export interface BlockSpace {
  readonly entity: string
  readonly group: string
}

/**
 * KV key of a block: `block/<entity>/<group>/<bits>`, bits being the top bits of the hashes of its keys. Layouts with more
 * blocks have longer bits, so that two of them stand side by side.
 */
export function blockKey({ entity, group }: BlockSpace, bits: string): string {
  return `block/${entity}/${group}/${bits}`
}
