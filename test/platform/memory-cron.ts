import {
  type CronRecords,
  type DutyRun,
  type RefusedFile,
  type RefusedKey,
  refusedFileId,
} from '../../src/platform.ts'
import { takePage } from './take-page.ts'

/** What Cron keeps of itself, in memory. */
export function memoryCron(): CronRecords {
  const leases = new Map<string, { holder: string; until: number }>()
  const runs = new Map<string, DutyRun>()
  const refused = new Map<string, RefusedFile>()
  return {
    async lease(duty, { holder, now, until }) {
      const held = leases.get(duty)
      if (held !== undefined && held.until > now) return false
      leases.set(duty, { holder, until })
      return true
    },
    async endRun(run, holder) {
      const key = JSON.stringify([run.name, run.outcome === null && run.error === null])
      const last = runs.get(key)
      if (last === undefined || last.startedTime <= run.startedTime) runs.set(key, run)
      if (leases.get(run.name)?.holder === holder) leases.delete(run.name)
    },
    listRuns: async () =>
      [...runs.values()].sort((a, b) => b.startedTime - a.startedTime || (a.name < b.name ? -1 : 1)),
    async noteRefused(files) {
      const noted = files.filter((file) => !refused.has(refusedFileId(file)))
      for (const file of noted) refused.set(refusedFileId(file), file)
      return noted
    },
    listRefused: async (page) =>
      takePage(refused.values(), (file) => ({ time: file.time, id: refusedFileId(file) }), page),
    listRefusedKeys: async ({ after, countMax }) =>
      [...refused.values()]
        .map(({ source, file, etag }) => ({ source, file, etag }))
        .filter((key) => after === undefined || compareKeys(key, after) > 0)
        .sort(compareKeys)
        .slice(0, countMax),
    async forgetRefused(files) {
      for (const file of files) refused.delete(refusedFileId(file))
    },
  }
}

function compareKeys(a: RefusedKey, b: RefusedKey): number {
  for (const part of ['source', 'file', 'etag'] as const)
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1
  return 0
}
