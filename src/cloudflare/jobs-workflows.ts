import type { InstanceKind, Jobs } from '../platform.ts'
import type { Env } from './env.ts'

/** Statuses of an instance that will not go on by itself. `unknown` says nothing: it may be at work, and Cron restarts who is silent. */
const ENDED: ReadonlySet<string> = new Set(['errored', 'terminated', 'complete'])

/** Jobs on Cloudflare Workflows; an instance has the id of its job, or of its part of a load. */
export function jobsWorkflows(jobs: Env['JOBS']): Jobs {
  const find = (id: string) => jobs.get(id).catch(() => undefined)
  const create = (kind: InstanceKind, id: string) => jobs.create({ id, params: { kind, id } })
  return {
    async start(kind, id) {
      const instance = await find(id)
      if (instance === undefined) {
        await create(kind, id).catch(async (error: unknown) => {
          // Cron and a notice of R2 may find one file at one time: whoever comes second has nothing left to do.
          if ((await find(id)) === undefined) throw error
        })
      } else if (ENDED.has((await instance.status()).status)) await instance.restart()
    },
    async restart(kind, id) {
      const instance = await find(id)
      if (instance === undefined) await create(kind, id)
      else await instance.restart()
    },
    async stop(id) {
      const instance = await find(id)
      if (instance === undefined) return
      const { status } = await instance.status()
      // One that has hardly begun is unknown and cannot be ended yet: it finds by itself that its job is cancelled.
      if (ENDED.has(status) || status === 'unknown') return
      await instance.terminate().catch(async (error: unknown) => {
        // It may have come to its end meanwhile, for it looks, too.
        if (!ENDED.has((await instance.status()).status)) throw error
      })
    },
  }
}
