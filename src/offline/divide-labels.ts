import { encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import type { Value } from '../core/value.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import type { Role } from './dataset-service.ts'
import { type DatasetWork, type DividedChunk, datasetPath, writeSections } from './dataset-steps.ts'
import { readNeeded } from './label-rows.ts'

/**
 * Reads one chunk of the labels, checks it, and files each label's key and time under its partition, once for each
 * role: labels of a partition are then joined without the others.
 */
export async function divideLabels(
  platform: Platform,
  { dataset, resolved, roles, labels, plan }: DatasetWork,
  chunk: number,
): Promise<DividedChunk> {
  const { inputs, times } = await readNeeded(labels, resolved.service, plan.chunks[chunk]!)
  const partitionCount = 2 ** plan.partitionBits
  const counts: number[][] = []
  const sections: string[] = []
  for (const role of roles) {
    const texts = new Array<string>(partitionCount).fill('')
    const count = new Array<number>(partitionCount).fill(0)
    roleKeys(resolved.snapshot, role, inputs).forEach(({ key, partition }, label) => {
      const at = topBits(partition, plan.partitionBits)
      texts[at] += `${times[label]}\t${key}\n`
      count[at]!++
    })
    counts.push(count)
    sections.push(...texts)
  }
  const path = `${datasetPath.scratch(dataset.id)}labels-${chunk}`
  return { ...(await writeSections(platform.files, path, sections)), counts }
}

/** The key of each label in a role, and the hash bits that choose its partition. */
export function roleKeys(
  snapshot: Snapshot,
  { entity, inputs }: Role,
  values: readonly (readonly Value[])[],
): { readonly key: string; readonly partition: number }[] {
  const types = snapshot.entities[entity]!.joinKeys.map(({ type }) => type)
  const columns = inputs.map((input) => values[input]!)
  /** A key is hashed once: most labels have that of another. */
  const partitions = new Map<string, number>()
  return Array.from(columns[0]!, (_, label) => {
    const key = encodeKey(
      types,
      columns.map((column) => column[label]!),
    )
    let partition = partitions.get(key)
    if (partition === undefined) {
      partition = hashKey(key).high
      partitions.set(key, partition)
    }
    return { key, partition }
  })
}
