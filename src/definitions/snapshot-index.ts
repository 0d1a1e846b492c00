import { topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { hash128 } from '../core/hash.ts'
import { asciiJson } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { hashText } from './fingerprint.ts'
import type { CompiledOnDemandView, CompiledService, ServedView, Snapshot } from './snapshot.ts'

/**
 * What a generation's snapshot consists of: small things themselves, the rest by the hash of its piece. A piece that two generations
 * have in common is stored once.
 */
export interface SnapshotIndex
  extends Pick<Snapshot, 'format' | 'generation' | 'entities' | 'facts' | 'pending'> {
  readonly pieces: PieceHashes
}

/** Hashes of pieces by the name of what they hold; of views by id, of layouts by entity. */
export interface PieceHashes {
  readonly sources: Readonly<Record<string, string>>
  readonly views: Readonly<Record<string, string>>
  readonly services: Readonly<Record<string, string>>
  readonly layouts: Readonly<Record<string, string>>
}

/** A service with all that is read to serve it: what reads are served from holds nothing else of views. */
export interface ServicePiece {
  readonly service: CompiledService
  readonly views: Readonly<Record<string, ServedView>>
  readonly onDemandViews: Readonly<Record<string, CompiledOnDemandView>>
}

/** What the index in KV says: where reads are served from. */
export interface ServingIndex extends Pick<SnapshotIndex, 'format' | 'generation' | 'entities' | 'pending'> {
  /** Hashes of the packs that service pieces and layouts are in, by the top bits of the hash of the name. */
  readonly packs: { readonly services: readonly string[]; readonly layouts: readonly string[] }
}

/** Divides a snapshot: its index, and the texts of its pieces by their hashes. `others` are views that its services read beside its own. */
export function splitSnapshot(
  snapshot: Snapshot,
  others: Readonly<Record<string, ServedView>> = {},
): {
  readonly index: SnapshotIndex
  readonly texts: ReadonlyMap<string, string>
} {
  const { format, generation, entities, facts, pending } = snapshot
  const views = { ...others, ...snapshot.views }
  const texts = new Map<string, string>()
  const cut = (content: unknown) => {
    const text = asciiJson(JSON.stringify(content))
    const hash = hashText(text)
    texts.set(hash, text)
    return hash
  }
  const each = <T>(content: Readonly<Record<string, T>>, pieceOf: (one: T) => unknown) =>
    Object.fromEntries(Object.entries(content).map(([name, one]) => [name, cut(pieceOf(one))]))
  const pieces = {
    sources: each(snapshot.sources, (source) => source),
    views: each(snapshot.views, (view) => view),
    services: each(snapshot.services, (service) => servicePiece(service, views, snapshot.onDemandViews)),
    layouts: each(snapshot.layouts, (layout) => layout),
  }
  refuseLargeServices(pieces, texts)
  return { index: { format, generation, entities, facts, pending, pieces }, texts }
}

function servicePiece(
  service: CompiledService,
  views: ServicePiece['views'],
  onDemandViews: ServicePiece['onDemandViews'],
): ServicePiece {
  const computed = new Set(service.onDemand?.features.map(({ view }) => view))
  return {
    service,
    views: Object.fromEntries(service.entries.map(({ view }) => [view, servedView(views[view]!)])),
    onDemandViews: Object.fromEntries([...computed].map((name) => [name, onDemandViews[name]!])),
  }
}

function servedView(view: ServedView): ServedView {
  const { id, name, version, entity, group, features, windows, ttlUs, retentionUs } = view
  return { id, name, version, entity, group, features, windows, ttlUs, retentionUs }
}

function refuseLargeServices({ services }: PieceHashes, texts: ReadonlyMap<string, string>): void {
  for (const [name, hash] of Object.entries(services)) {
    const { length } = texts.get(hash)!
    if (length <= LIMITS.serviceCharsMax) continue
    throw new FeatureStoreError(
      'limit_exceeded',
      `Cannot apply feature service "${name}": with all that it reads it is ${length} characters long, at most ${LIMITS.serviceCharsMax} are served`,
    )
  }
}

/** All hashes that an index names. */
export function pieceHashes({ pieces }: Pick<SnapshotIndex, 'pieces'>): string[] {
  return Object.values(pieces).flatMap((hashes) => Object.values(hashes))
}

/** Pieces that reads are served from and that lie under one key of KV: those of a few names. */
export interface Pack {
  readonly hash: string
  /** In order. */
  readonly names: readonly string[]
}

/** A store of few services has them under one key; never are there more keys than one apply may write. */
const PACK_PIECES = 8
const PACK_BITS_MAX = 8

/** Groups pieces into packs by their names. What is in a pack decides its hash. */
export function planPacks(pieces: Readonly<Record<string, string>>): Pack[] {
  const names = Object.keys(pieces).sort()
  const bits = Math.min(PACK_BITS_MAX, Math.max(0, Math.ceil(Math.log2(names.length / PACK_PIECES))))
  const packs: string[][] = Array.from({ length: 2 ** bits }, () => [])
  for (const name of names) packs[packOf(name, packs.length)]!.push(name)
  return packs.map((own) => ({
    hash: hashText(own.map((name) => `${name} ${pieces[name]}`).join('\n')),
    names: own,
  }))
}

/** Position of the pack that a name is in, among so many. */
export function packOf(name: string, packCount: number): number {
  return topBits(hash128(name)[0], Math.log2(packCount))
}

export function servingIndex({ format, generation, entities, pending, pieces }: SnapshotIndex): ServingIndex {
  const hashes = (of: Readonly<Record<string, string>>) => planPacks(of).map(({ hash }) => hash)
  const packs = { services: hashes(pieces.services), layouts: hashes(pieces.layouts) }
  return { format, generation, entities, pending, packs }
}
