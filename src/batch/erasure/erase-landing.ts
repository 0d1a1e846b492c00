import type { LandedFile, Platform } from '../../platform.ts'
import { readErasedKeys } from '../../registry/erased-keys.ts'
import { eraseLanded } from './erase-landed.ts'
import { type LandedPosition, noteErased, readErasure, updateErasure } from './erasure.ts'

/** Bytes of files that one step looks into, a larger file alone. */
const STEP_BYTES_MAX = 200_000_000
const STEP_FILES_MAX = 100

/** Looks into the landed files that come next; false when none is left. */
export async function eraseNextLanded(platform: Platform, id: string): Promise<boolean> {
  const params = await readErasure(platform, id)
  const erasedKeys = await readErasedKeys(platform, params)
  const files = await listAfter(platform, [...erasedKeys.sources.keys()].sort(), params.landed)
  const next = takeSome(files)
  const notes: string[] = []
  let removed = 0
  for (const { source, name } of next) {
    const erased = await eraseLanded(platform, erasedKeys, { source, name })
    removed += erased.removed
    notes.push(...erased.notes)
    // A file stays under its name, and its load tells it.
    if (erasedKeys.mayStandIn(name))
      notes.push(`A key stands in the name of a landing file of "${source}", which stays`)
  }
  await noteErased(platform, id, { name: 'landing', removed, notes })
  const { source, name } = next.at(-1) ?? { source: '', name: '' }
  const noted = { ...(await readErasure(platform, id)), landed: { source, name } }
  await updateErasure(platform, id, { params: JSON.stringify(noted) })
  return next.length < files.length
}

interface FileOfSource extends LandedFile, LandedPosition {}

/** In the order of sources and names. */
async function listAfter(
  { landing }: Platform,
  sources: readonly string[],
  last: LandedPosition | null,
): Promise<FileOfSource[]> {
  const files: FileOfSource[] = []
  for (const source of sources) {
    if (last !== null && source < last.source) continue
    const own = (await landing.list(source)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    for (const file of own)
      if (source !== last?.source || file.name > last.name) files.push({ ...file, source })
  }
  return files
}

function takeSome(files: readonly FileOfSource[]): FileOfSource[] {
  let bytes = 0
  const end = files.findIndex((file, at) => {
    bytes += file.bytes
    return at === STEP_FILES_MAX || (at > 0 && bytes > STEP_BYTES_MAX)
  })
  return end === -1 ? [...files] : files.slice(0, end)
}
