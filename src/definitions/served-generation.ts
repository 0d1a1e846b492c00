import type {
  CompiledOnDemandView,
  CompiledService,
  EntityLayout,
  ServedView,
  ServingSnapshot,
} from './snapshot.ts'
import { packOf, type ServicePiece, type ServingIndex } from './snapshot-index.ts'

/** A generation that reads are served from, as far as it was read: what is asked for is added, and stays as it is. */
export interface ServedGeneration extends ServingSnapshot {
  readonly packs: ServingIndex['packs']
  /** Hashes of the packs that were added. */
  readonly added: Set<string>
  /** Characters of those packs. */
  chars: number
  readonly views: Record<string, ServedView>
  readonly onDemandViews: Record<string, CompiledOnDemandView>
  readonly services: Record<string, CompiledService>
  readonly layouts: Record<string, EntityLayout>
}

export function serveGeneration({
  generation,
  entities,
  pending,
  packs,
}: Omit<ServingIndex, 'format'>): ServedGeneration {
  const parts = { views: {}, onDemandViews: {}, services: {}, layouts: {} }
  return { generation, entities, pending, packs, added: new Set(), chars: 0, ...parts }
}

export type PackKind = keyof ServingIndex['packs']

/** Hash of the pack that a service, or an entity's layout, is in. */
export function packHash({ packs }: ServedGeneration, kind: PackKind, name: string): string {
  return packs[kind][packOf(name, packs[kind].length)]!
}

/** Adds what a pack holds. What is there already is the same, and stays: what was made of it is held by it. */
export function addPack(
  served: ServedGeneration,
  { kind, hash, text }: { readonly kind: PackKind; readonly hash: string; readonly text: string },
): void {
  if (served.added.has(hash)) return
  served.added.add(hash)
  served.chars += text.length
  if (kind === 'layouts') addMissing(served.layouts, JSON.parse(text) as Record<string, EntityLayout>)
  else {
    const pieces = JSON.parse(text) as Record<string, ServicePiece>
    for (const [name, { service, views, onDemandViews }] of Object.entries(pieces)) {
      served.services[name] = service
      addMissing(served.views, views)
      addMissing(served.onDemandViews, onDemandViews)
    }
  }
}

function addMissing<T>(known: Record<string, T>, more: Readonly<Record<string, T>>): void {
  for (const [name, one] of Object.entries(more)) if (!Object.hasOwn(known, name)) known[name] = one
}
