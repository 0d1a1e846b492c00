import type { Jobs } from '../platform.ts'
import type { Env } from './env.ts'

/** Statuses of an instance that will not go on by itself. */
const ENDED: ReadonlySet<string> = new Set(['errored', 'terminated', 'complete', 'unknown'])

/** Jobs on Cloudflare Workflows; an instance has the id of what it works on. */
export function jobsWorkflows(loads: Env['LOADS']): Jobs {
  const find = (id: string) => loads.get(id).catch(() => undefined)
  return {
    async startLoad(id) {
      const instance = await find(id)
      if (instance === undefined) await loads.create({ id, params: { load: id } })
      else if (ENDED.has((await instance.status()).status)) await instance.restart()
    },
    async restartLoad(id) {
      const instance = await find(id)
      if (instance === undefined) await loads.create({ id, params: { load: id } })
      else await instance.restart()
    },
  }
}
