import { expect, test } from 'vitest'
import type { Env } from '../../src/cloudflare/env.ts'
import { jobsWorkflows } from '../../src/cloudflare/jobs-workflows.ts'

/** Workflows as the platform has them, which the local one has not: a second instance of an id is refused. */
function fakeWorkflows(beforeCreate: () => Promise<void>, status = 'running') {
  const instances = new Set<string>()
  const calls: string[] = []
  const binding = {
    async get(id: string) {
      if (!instances.has(id)) throw new Error('instance.not_found')
      return {
        id,
        status: async () => ({ status }),
        restart: async () => calls.push('restart'),
        terminate: async () => calls.push('terminate'),
      }
    },
    async create({ id }: { readonly id: string }) {
      await beforeCreate()
      if (instances.has(id)) throw new Error('instance.already_exists')
      instances.add(id)
    },
  }
  return { instances, calls, jobs: jobsWorkflows(binding as unknown as Env['JOBS']) }
}

test('a job that two start at once is started once, and neither of them fails (S9)', async () => {
  const bothAreThere = Promise.withResolvers<void>()
  let creators = 0
  const { instances, jobs } = fakeWorkflows(async () => {
    if (++creators === 2) bothAreThere.resolve()
    await bothAreThere.promise
  })
  await Promise.all([jobs.start('load', 'load-1'), jobs.start('load', 'load-1')])
  expect([...instances]).toEqual(['load-1'])
})

test('a job that cannot be created fails its start', async () => {
  const { jobs } = fakeWorkflows(async () => {
    throw new Error('Workflows is away')
  })
  await expect(jobs.start('load', 'load-1')).rejects.toThrow('Workflows is away')
})

test.each([
  ['running', [], ['terminate']],
  ['unknown', [], []],
  ['errored', ['restart'], []],
])(
  'a job that its engine calls %s is started again or ended only where that is sure to be right',
  async (status, onStart, onStop) => {
    const { calls, jobs } = fakeWorkflows(async () => {}, status)
    await jobs.start('load', 'load-1')
    await jobs.start('load', 'load-1')
    expect(calls.splice(0)).toEqual(onStart)
    await jobs.stop('load-1')
    expect(calls.splice(0)).toEqual(onStop)
    await jobs.restart('load', 'load-1')
    expect(calls).toEqual(['restart'])
  },
)
