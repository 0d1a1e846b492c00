import { encodeKey } from '../core/entity-key.ts'
import { LIMITS } from '../core/limits.ts'
import { createFaults, parseNamedFields, refuseUnknownFields } from '../core/parse-fields.ts'
import type { CompiledEntity } from './snapshot.ts'

/** Keys of an entity as a request gives them, encoded. Throws `invalid_argument` that lists every fault by key and name. */
export function parseKeys(
  entity: CompiledEntity,
  keys: readonly Readonly<Record<string, unknown>>[],
): string[] {
  const faults = createFaults('key')
  const types = entity.joinKeys.map(({ type }) => type)
  const values = keys.map((key, row) => {
    refuseUnknownFields(entity.joinKeys, key, row, faults)
    return parseNamedFields(entity.joinKeys, key, row, faults)
  })
  faults.check()
  const encoded = values.map((key) => encodeKey(types, key))
  for (const [at, { length }] of encoded.entries()) {
    if (length > LIMITS.keyCharsMax)
      faults.add(
        at,
        entity.joinKeys[0]!.name,
        `the key is ${length} characters long, at most ${LIMITS.keyCharsMax} may`,
      )
  }
  faults.check()
  return encoded
}
