import { expect, test } from 'vitest'
import { createToken } from '../../src/auth/token.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { createApp } from '../../src/http/app.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyChanges } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { ADMIN_TOKEN, askPage, textOf } from './ask-page.ts'

const NOW = parseInstant('2026-01-01T00:00:00Z')

const withSql = (sql: string) => ({
  ...CLICKS,
  feature_views: CLICKS.feature_views!.map((view) =>
    view.name === 'last_click' ? { ...view, features: [{ name: 'price', type: 'int64', sql }] } : view,
  ),
})

/** A store whose view has been changed after a row came, by somebody with a token; jobs are held. */
async function changedStore(): Promise<{ readonly platform: MemoryPlatform; readonly author: string }> {
  const platform = memoryPlatform(NOW)
  const grant = { name: 'nightly pipeline', scopes: ['define'] as const, names: null, expiresTime: null }
  const { id } = await createToken(platform, grant, 'admin')
  const apply = (set: unknown, author: string) =>
    applyChanges(platform, parseDefinitions(set), { allowBreaking: true, author })
  await apply(CLICKS, 'admin')
  const row = { at: formatInstant(NOW), made: formatInstant(NOW), user: 'ann', item: 1, price: 3 }
  await pushEvents(platform, { source: 'clicks', events: [row] })
  await platform.consume()
  await platform.flush({ cut: true })
  platform.heldJobs = []
  await apply(withSql('price * 100'), id)
  return { platform, author: id }
}

/** The cells of the table of that label, row by row. */
function rowsOf(html: string, label: string): string[][] {
  const [, table] = new RegExp(`aria-label="${label}"[^>]*>(.*?)</table>`, 's').exec(html)!
  return table!
    .split('<tr>')
    .slice(2)
    .map((row) =>
      row
        .split(/<td[^>]*>/)
        .slice(1)
        .map((cell) => textOf(cell).trim()),
    )
}

test('a view page shows versions side by side: what each is for, who made it, and what differs (S33)', async () => {
  const { platform } = await changedStore()
  const filling = await askPage(platform, '/feature-views/last_click')
  expect(filling.text).toContain('<div id="versions" data-live="">')
  const [newest, first] = rowsOf(filling.text, 'Versions of last_click')
  expect(newest!.slice(0, 3)).toEqual(['@2', expect.stringMatching(/^filling .*0 of 0 steps$/), '0'])
  expect(newest!.slice(4)).toEqual([
    'nightly pipeline',
    'features.price.sql &quot;price&quot; &quot;price * 100&quot;',
  ])
  expect(first).toEqual(['@1', 'served', '1', expect.stringContaining('Generation 1'), 'admin', ''])

  const held = platform.heldJobs!
  platform.heldJobs = undefined
  for (const id of held) await platform.jobs.start('fill', id)
  const filled = await askPage(platform, '/feature-views/last_click')
  expect(filled.text).not.toContain('data-live')
  expect(rowsOf(filled.text, 'Versions of last_click').map(([id, state]) => [id, state])).toEqual([
    ['@2', 'served'],
    ['@1', 'past'],
  ])
})

test('generations say who applied them by the name of the token, and link to what they changed', async () => {
  const { platform, author } = await changedStore()
  const list = await askPage(platform, '/generations')
  expect(rowsOf(list.text, 'Generations').map(([number, , by]) => [number, by])).toEqual([
    ['2', 'nightly pipeline'],
    ['1', 'admin'],
  ])
  expect(list.text).toContain(`title="token ${author}"`)
  expect(textOf((await askPage(platform, '/')).text)).toContain('by nightly pipeline')
  const one = await askPage(platform, '/generations/2')
  expect(textOf(one.text)).toContain('by nightly pipeline')
  expect(one.text).toContain('<a href="/feature-views/last_click">feature_view/last_click</a>')
  expect(one.text).toContain('<del>&quot;price&quot;</del> <ins>&quot;price * 100&quot;</ins>')
})

test('generations are listed a page at a time, as a page and by the API', async () => {
  const platform = memoryPlatform(NOW)
  for (let at = 0; at < 103; at++) {
    const about = CLICKS.entities!.map((entity) => ({ ...entity, description: `the ${at}th` }))
    const set = parseDefinitions({ ...CLICKS, entities: about })
    await applyChanges(platform, set, { allowBreaking: false, author: 'admin' })
  }
  const numbers = (html: string) => rowsOf(html, 'Generations').map(([number]) => Number(number))
  const first = (await askPage(platform, '/generations')).text
  expect([numbers(first).length, numbers(first)[0], numbers(first).at(-1)]).toEqual([100, 103, 4])
  expect(first).toContain('<a href="/generations?before=4">Older generations</a>')
  const last = (await askPage(platform, '/generations?before=4')).text
  expect(numbers(last)).toEqual([3, 2, 1])
  expect(last).not.toContain('Older generations')
  expect((await askPage(platform, '/generations?before=x')).status).toBe(400)

  const app = createApp(() => ({ platform, adminToken: ADMIN_TOKEN }))
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const ask = async (query: string) => {
    const response = await app.fetch(new Request(`http://store/v1/generations${query}`, { headers }), {})
    const { generations, next, error } = (await response.json()) as {
      readonly generations?: readonly { readonly generation: number }[]
      readonly next?: number
      readonly error?: { readonly message: string }
    }
    return error?.message ?? { count: generations!.length, newest: generations![0]?.generation, next }
  }
  expect(await ask('')).toEqual({ count: 100, newest: 103, next: 4 })
  expect(await ask('?before=4&limit=2')).toEqual({ count: 2, newest: 3, next: 2 })
  expect(await ask('?before=2&limit=2')).toEqual({ count: 1, newest: 1, next: undefined })
  expect(await ask('?before=1')).toEqual({ count: 0, newest: undefined, next: undefined })
  expect(await ask('?before=0')).toContain('Cannot read parameter "before"')
  expect(await ask('?limit=1001')).toContain('Cannot read parameter "limit"')
  expect(await ask('?after=1')).toContain('Cannot take parameter "after"')
})

test('lineage names the versions beside a view, and a dataset those that it was made from', async () => {
  const { platform } = await changedStore()
  expect(textOf((await askPage(platform, '/feature-views/last_click')).text)).toContain('Feature view @1 @2')
  const app = createApp(() => ({ platform, adminToken: ADMIN_TOKEN }))
  const body = JSON.stringify({ at: formatInstant(NOW) })
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  platform.heldJobs = undefined
  const made = await app.fetch(
    new Request('http://store/v1/feature-views/last_click/snapshot', { method: 'POST', headers, body }),
    {},
  )
  const { id } = (await made.json()) as { id: string }
  const page = await askPage(platform, `/training-datasets/${id}`)
  expect(page.text).toContain('<a href="/feature-views/last_click">last_click@1</a>')
  const view = await askPage(platform, '/feature-views/last_click')
  expect(textOf(view.text)).toContain('Training dataset @1')
})

test('a source shows how its rows arrive and what its columns hold', async () => {
  const { platform } = await changedStore()
  const { text } = await askPage(platform, '/sources/clicks')
  expect(text).toContain('aria-label="Rows that arrived in each of the last 24 hours"')
  expect(textOf(text)).toContain('Of the newest 1 rows of the log')
  expect(text).toContain('aria-label="Histogram of price: from 3 to 3, median 3"')
  expect(text).toContain('aria-label="Most frequent values of user"')
})
