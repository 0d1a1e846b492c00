import { bitsText } from '../core/entity-key.ts'
import type { CompiledEntity } from './snapshot.ts'

/** KV key of a block: `block/<entity>/<bits>`, bits being the top bits of the hashes of its keys. */
export function blockKey(entity: CompiledEntity, block: number): string {
  return `block/${entity.name}/${bitsText(block, entity.blockBits)}`
}
