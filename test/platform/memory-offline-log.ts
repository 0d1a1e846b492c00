import { FeatureStoreError } from '../../src/core/error.ts'
import { logFolders } from '../../src/definitions/raw-log.ts'
import type { RegisteredSegment } from '../../src/definitions/segment-record.ts'
import type { Clock, OfflineLog } from '../../src/platform.ts'
import { memoryBuffer } from './memory-buffer.ts'

export interface MemoryOfflineLog extends OfflineLog {
  /** What counts, by path. */
  readonly manifest: Map<string, RegisteredSegment>
}

/** Segments among `objects`, and their manifest; `fail` may throw before an effect. */
export function memoryOfflineLog(
  objects: Map<string, Uint8Array>,
  clock: Clock,
  fail: (effect: 'writeSegment' | 'register') => void,
): MemoryOfflineLog {
  const manifest = new Map<string, RegisteredSegment>()
  const replaced = new Map<string, { readonly segment: RegisteredSegment; readonly time: number }>()
  const putTimes = new Map<string, number>()
  let commit = 0
  const remove = (path: string) => {
    objects.delete(path)
    replaced.delete(path)
  }
  return {
    manifest,
    async writeSegment(path, bytes) {
      fail('writeSegment')
      if (objects.has(path)) return
      objects.set(path, bytes)
      putTimes.set(path, clock.now())
    },
    openSegment: ({ path }) => {
      const bytes = objects.get(path)
      if (bytes === undefined)
        throw new FeatureStoreError('not_found', `Cannot read object "${path}": there is none`)
      return memoryBuffer(bytes)
    },
    async register(records) {
      fail('register')
      if (records.length > 0) commit++
      for (const record of records)
        if (!manifest.has(record.path) && !replaced.has(record.path))
          manifest.set(record.path, { ...record, commit, commitMin: commit })
    },
    async list(view, version) {
      return [...manifest.values()]
        .filter((record) => record.view === view && record.version === version)
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    },
    async readCommit() {
      return commit
    },
    async listFragmented({ bytesMax, rowCountMax, countMin }) {
      const small = [...manifest.values()].filter(
        ({ bytes, rowCount }) => bytes <= bytesMax && rowCount <= rowCountMax,
      )
      const buckets = Map.groupBy(small, ({ view, version, bucket }) => `${view}@${version}/${bucket}`)
      const logs = [...buckets.values()].filter(({ length }) => length >= countMin)
      const named = new Map(logs.map(([first]) => [`${first!.view}@${first!.version}`, first!]))
      return [...named.values()].map(({ view, version }) => ({ view, version }))
    },
    async replace(paths, segment) {
      if (segment !== null && manifest.has(segment.path)) return true
      if (!paths.every((path) => manifest.has(path))) return false
      for (const path of paths) {
        replaced.set(path, { segment: manifest.get(path)!, time: clock.now() })
        manifest.delete(path)
      }
      if (segment !== null) manifest.set(segment.path, segment)
      return true
    },
    async removeReplaced(before, countMax) {
      const old = [...replaced].filter(([, { time }]) => time < before).slice(0, countMax)
      for (const [path] of old) remove(path)
      return old.length
    },
    async purgeReplaced({ view, version }, buckets) {
      for (const [path, { segment }] of replaced)
        if (segment.view === view && segment.version === version && buckets.includes(segment.bucket))
          remove(path)
    },
    async listLogs() {
      const named = new Map([...manifest.values()].map((one) => [`${one.view}@${one.version}`, one]))
      const byName = [...named].sort(([a], [b]) => (a < b ? -1 : 1))
      return byName.map(([, { view, version }]) => ({ view, version }))
    },
    async listUnnamed(log, { buckets, before }) {
      const folders = logFolders(log, buckets)
      return [...objects]
        .filter(([path]) => folders.some((folder) => path.startsWith(folder)))
        .filter(([path]) => !manifest.has(path) && !replaced.has(path) && putTimes.get(path)! < before)
        .map(([path, { length }]) => ({ path, bytes: length, time: putTimes.get(path)! }))
    },
    async deleteObject(path) {
      objects.delete(path)
    },
  }
}
