import { FeatureStoreError } from '../core/error.ts'
import type { LoadStatus, Platform } from '../platform.ts'

export interface LoadReport {
  readonly id: string
  readonly source: string
  readonly file: string
  readonly status: LoadStatus
  readonly rows: {
    readonly read: number
    readonly written: number
    readonly rejected: number
    readonly quarantined: number
  }
  /** Steps: each chunk is read, then synced to the online store. */
  readonly progress: { readonly done: number; readonly total: number }
  readonly rejections: readonly { readonly row: number; readonly message: string }[]
  readonly error?: string
}

/** How far a load has come. Throws `not_found`. */
export async function describeLoad(platform: Platform, id: string): Promise<LoadReport> {
  const load = await platform.loads.find(id)
  if (load === undefined)
    throw new FeatureStoreError('not_found', `Cannot find load "${id}": there is none of that id`)
  const chunks = await platform.loads.listChunks(id)
  const sum = (count: (chunk: (typeof chunks)[number]) => number) =>
    chunks.reduce((all, one) => all + count(one), 0)
  return {
    id,
    source: load.source,
    file: load.file,
    status: load.status,
    rows: {
      read: sum(({ read }) => read),
      written: sum(({ written }) => written),
      rejected: sum(({ rejected }) => rejected),
      quarantined: sum(({ quarantined }) => quarantined),
    },
    progress: { done: chunks.length + sum(({ isSynced }) => Number(isSynced)), total: load.chunkCount * 2 },
    rejections: chunks.flatMap(({ rejections }) => rejections).slice(0, 100),
    ...(load.error === null ? {} : { error: load.error }),
  }
}
