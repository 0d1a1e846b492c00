import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import flights from '../../examples/flights/definitions.ts'
import { TOKEN } from '../worker/harness.ts'
import { type FlightsStore, startFlightsStore } from './flights-store.ts'
import { openBrowser } from './open-browser.ts'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Where screenshots go, for people to look at. */
const SHOTS = process.env.FEATHEREDGE_SHOTS
const FIRST_PAGE_BYTES_MAX = 100_000
/** Of whatever is waited for, on a busy machine. */
const SHOWN_MS_MAX = 90_000

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light', viewport: { width: 1_200, height: 900 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1_200, height: 900 } }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true }],
]

let store: FlightsStore
let browser: Browser
let url: string

beforeAll(async () => {
  store = await startFlightsStore()
  url = (await store.server.listen()).url.href
  browser = await openBrowser()
})

afterAll(async () => {
  await browser?.close()
  await store?.close()
})

/** A page of a visitor who has signed in; what its console or its network complains of ends up in `faults`. */
async function visit(
  options: BrowserContextOptions,
): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(SHOWN_MS_MAX)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      faults.push(`foreign: ${request.url()}`)
  })
  await page.goto(url)
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(url)
  return { page, faults }
}

/** What axe finds serious or worse, and what sticks out of the screen. */
async function inspect(page: Page, name: string): Promise<string[]> {
  if (SHOTS !== undefined) {
    await mkdir(SHOTS, { recursive: true })
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
  }
  // The policy of our pages lets no script in but theirs: axe comes in through the debugger.
  await page.evaluate(axe)
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run()
    const { document } = globalThis as unknown as { document: { documentElement: Root } }
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
    return { violations, wide }
  })
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  return [
    ...serious.map(
      ({ id, nodes }) => `${name}: ${id} at ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`,
    ),
    ...(found.wide > 0 ? [`${name}: ${found.wide} pixels wider than the screen`] : []),
  ]
}

interface Root {
  readonly scrollWidth: number
  readonly clientWidth: number
}

interface Axe {
  run(): Promise<{
    readonly violations: readonly {
      readonly id: string
      readonly impact: string
      readonly nodes: readonly { readonly html: string }[]
    }[]
  }>
}

describe.each(LOOKS)('the catalog, %s', (look, options) => {
  test('a reader searches, opens a view, follows its lineage, runs Get and sees a dataset', async () => {
    const { page, faults } = await visit(options)
    const found: string[] = []
    const see = async (name: string) => void found.push(...(await inspect(page, `${look}-${name}`)))
    await see('home')

    await page.keyboard.press('/')
    await page.keyboard.type('departrues')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/search\?q=departrues/)
    await see('search')

    await page.getByRole('link', { name: 'departures', exact: true }).first().click()
    await page.waitForURL(/\/feature-views\/departures/)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('departures @1')
    expect(await page.getByText('mean(delay) over 24h').count()).toBe(1)
    await see('view')

    await page.getByRole('link', { name: /^Feature service ?delay_predictor/ }).click()
    await page.waitForURL(/\/feature-services\/delay_predictor/)
    for (const [input, value] of Object.entries(store.trip))
      await page.locator(`input[name=${input}]`).fill(String(value))
    await page.getByRole('button', { name: 'Get', exact: true }).click()
    await page.waitForURL(/origin=/)
    const row = page.getByRole('row', { name: /origin_last_delay/ }).first()
    expect(await row.textContent()).toContain('present')
    expect(await page.locator('#curl').textContent()).toContain(`origin=${store.trip.origin}`)
    await see('playground')

    await page.getByRole('link', { name: /^Training dataset ?trips/ }).click()
    await page.waitForURL(/\/training-datasets\//)
    await page.getByText('succeeded').waitFor()
    await see('dataset')

    for (const path of [
      'sources/flights',
      'feature-views/last_departure',
      'features/trip.is_origin_worse',
      'jobs',
      'failures',
      'generations',
      'generations/1',
      'docs',
      'entities/airport',
    ]) {
      await page.goto(url + path)
      await see(path.replaceAll('/', '-'))
    }
    expect(found).toEqual([])
    expect(faults).toEqual([])
    await page.context().close()
  })
})

test('a changed view shows its versions side by side, and how far the fill has come, until it is served', async () => {
  const changed = {
    ...flights,
    feature_views: flights.feature_views.map((view) =>
      view.name === 'departures' ? { ...view, where: 'delay is not null and distance > 0' } : view,
    ),
  }
  const applied = await store.call('POST', '/v1/definitions/apply', {
    definitions: changed,
    allow_breaking: true,
  })
  expect(applied.status, applied.text).toBe(200)
  const found: string[] = []
  for (const [look, options] of LOOKS) {
    const { page, faults } = await visit(options)
    await page.goto(`${url}feature-views/departures`)
    const versions = page.getByRole('region', { name: 'Versions of departures' })
    await versions.getByText('past').waitFor()
    const newest = await versions.getByRole('row').nth(1).textContent()
    expect(newest).toMatch(/@2.*served.*399/)
    expect(newest).toContain('"delay is not null"')
    found.push(...(await inspect(page, `${look}-versions`)))
    await page.goto(`${url}generations/2`)
    found.push(...(await inspect(page, `${look}-generations-2`)))
    expect(faults).toEqual([])
    await page.context().close()
  }
  expect(found).toEqual([])
})

test('rows in quarantine are released from their page', async () => {
  const { page } = await visit({})
  await page.goto(`${url}failures`)
  await page
    .getByRole('row', { name: /sane_delay/ })
    .getByRole('button', { name: 'Release' })
    .click()
  await page.getByRole('status').waitFor()
  expect(await page.getByRole('status').textContent()).toContain('sent again')
  await page.context().close()
})

test('reading works without scripts, and a chosen colour scheme stays', async () => {
  const { page } = await visit({ javaScriptEnabled: false, colorScheme: 'light' })
  await page.getByRole('button', { name: 'dark' }).click()
  await page.goto(`${url}search?q=delay`)
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  await page.getByRole('link', { name: 'mean_delay_24h' }).first().click()
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('mean_delay_24h')
  await page.context().close()
})

test('the first page is small and comes from here alone', async () => {
  const { page } = await visit({})
  const bodies: Promise<Buffer>[] = []
  page.on('response', (response) => {
    bodies.push(response.body())
  })
  await page.goto(url, { waitUntil: 'networkidle' })
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0)
  expect(bytes).toBeGreaterThan(1_000)
  expect(bytes).toBeLessThan(FIRST_PAGE_BYTES_MAX)
  await page.context().close()
})
