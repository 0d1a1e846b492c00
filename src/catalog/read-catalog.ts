import type { Generation, Platform } from '../platform.ts'
import { readNewestDefinitions } from '../registry/current-definitions.ts'
import { type Catalog, createCatalog } from './catalog.ts'

const catalogs = new WeakMap<Generation, Catalog>()

/** The catalog of the newest generation; made once for each, and gone with it. */
export async function readCatalog(platform: Platform): Promise<Catalog> {
  const generation = await readNewestDefinitions(platform)
  let catalog = catalogs.get(generation)
  if (catalog === undefined) {
    catalog = createCatalog(generation)
    catalogs.set(generation, catalog)
  }
  return catalog
}
