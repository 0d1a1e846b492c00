import { Entity } from '../../src/definitions/entity.ts'
import type { About, EntityDefinition } from './definition.ts'

type KeyType = Entity['join_keys'][number]['type']

/** A thing that features describe, known by its join keys. Throws where a field is not as the store takes it. */
export function entity<const Keys extends Readonly<Record<string, KeyType>>>(
  name: string,
  { joinKeys, ...rest }: About & { readonly joinKeys: Keys; readonly shards?: number },
): EntityDefinition<keyof Keys & string> {
  const keys = Object.entries(joinKeys).map(([key, type]) => ({ name: key, type }))
  return { kind: 'entity', name, definition: Entity.parse({ name, join_keys: keys, ...rest }) }
}
