import { type Context, Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import * as z from 'zod'
import { readAuthorNames } from '../../auth/author-names.ts'
import type { Catalog, CatalogObject, DefinitionKind } from '../../catalog/catalog.ts'
import { readCatalog } from '../../catalog/read-catalog.ts'
import { SEARCH_KINDS, search } from '../../catalog/search.ts'
import { VALUE_TYPES } from '../../core/value.ts'
import { identify } from '../authenticate.ts'
import type { Http } from '../context.ts'
import { numberParameter } from '../number-parameter.ts'
import { readQuery } from '../read-query.ts'
import { ASSETS } from './assets.ts'
import { definitionPage, featurePage } from './build-definition-page.tsx'
import { DefinitionList } from './definition-list.tsx'
import { Home } from './home-page.tsx'
import { Page } from './layout.tsx'
import { ReferencePage } from './reference-page.tsx'
import { SearchResults } from './search-page.tsx'
import {
  beginSession,
  endSession,
  keepTheme,
  readForm,
  readTheme,
  refuseForeign,
  requireSession,
} from './session.ts'
import { faultPage, show } from './show-page.tsx'
import { SignInPage } from './sign-in-page.tsx'
import { workRoutes } from './work-routes.tsx'

const RESULTS_MAX = 50

const ListQuery = z.object({ page: numberParameter(1, 1_000_000).default(1) })

/** The collections of definitions, as paths and as readers call them. */
const COLLECTIONS = [
  { path: '/feature-views', kind: 'feature_view', title: 'Feature views' },
  { path: '/on-demand-views', kind: 'on_demand_view', title: 'On-demand views' },
  { path: '/feature-services', kind: 'feature_service', title: 'Feature services' },
  { path: '/sources', kind: 'source', title: 'Sources' },
  { path: '/entities', kind: 'entity', title: 'Entities' },
] as const satisfies readonly {
  readonly path: string
  readonly kind: DefinitionKind
  readonly title: string
}[]

/** The catalog as pages: rendered here, readable without scripts, closed to who has not signed in. */
export function pageRoutes() {
  const pages = new Hono<Http>()
  pages.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'same-origin',
    }),
  )
  for (const { path, type, text } of Object.values(ASSETS)) {
    pages.get(path, (c) =>
      c.body(text, 200, { 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' }),
    )
  }

  pages.get('/sign-in', (c) => c.html(<SignInPage to={safePath(c.req.query('to'))} theme={readTheme(c)} />))
  pages.post('/sign-in', async (c) => {
    refuseForeign(c)
    const { token, to } = (await c.req.parseBody()) as Record<string, string>
    if ((await identify(c, token ?? '')) === undefined) {
      const fault = 'That token is not valid.'
      return c.html(<SignInPage to={safePath(to)} fault={fault} theme={readTheme(c)} />, 401)
    }
    beginSession(c, token!)
    return c.redirect(safePath(to), 303)
  })
  pages.post('/theme', async (c) => {
    refuseForeign(c)
    const { theme } = (await c.req.parseBody()) as Record<string, string>
    keepTheme(c, theme ?? '')
    return c.redirect(safePath(pathOfReferer(c)), 303)
  })

  pages.get('/docs', (c) =>
    c.html(
      <Page title="API reference" theme={readTheme(c)}>
        <ReferencePage origin={new URL(c.req.url).origin} />
      </Page>,
    ),
  )

  for (const path of GUARDED) pages.use(path, requireSession)
  pages.onError((error, c) => faultPage(c as Context<Http>, error))
  pages.post('/sign-out', async (c) => {
    await readForm(c)
    endSession(c)
    return c.redirect('/sign-in', 303)
  })

  pages.get('/', async (c) => {
    const catalog = await catalogOf(c)
    const authors = await readAuthorNames(c.var.platform, [catalog.author])
    return show(c, { title: 'Catalog' }, <Home catalog={catalog} authors={authors} />)
  })
  pages.get('/search', async (c) => {
    const { q = '', kind, entity, owner, tag, type } = c.req.query()
    const catalog = await catalogOf(c)
    const query = {
      text: q.slice(0, 200),
      kind: SEARCH_KINDS.find((one) => one === kind),
      entity: entity || undefined,
      owner: owner || undefined,
      tag: tag || undefined,
      type: VALUE_TYPES.find((one) => one === type),
      countMax: RESULTS_MAX,
    }
    const found = search(catalog, query)
    return show(
      c,
      { title: q === '' ? 'Search' : `Search: ${q}`, query: q },
      <SearchResults catalog={catalog} query={query} found={found} />,
    )
  })
  for (const { path, kind, title } of COLLECTIONS) {
    const place = path === '/on-demand-views' ? '/feature-views' : path
    pages.get(path, async (c) => {
      const { page } = readQuery(c, ListQuery)
      const catalog = await catalogOf(c)
      return show(
        c,
        { title, place },
        <DefinitionList catalog={catalog} kind={kind} title={title} path={path} page={page} />,
      )
    })
    pages.get(`${path}/:name`, async (c) => {
      const object = { kind, name: c.req.param('name')! }
      return show(c, { title: object.name, place }, await definitionPage(c, await catalogOf(c), object))
    })
  }
  pages.get('/features/:name', async (c) => {
    const object: CatalogObject = { kind: 'feature', name: c.req.param('name') }
    return show(
      c,
      { title: object.name, place: '/feature-views' },
      await featurePage(c, await catalogOf(c), object),
    )
  })
  pages.route('/', workRoutes())
  return pages
}

/** What only who has signed in may see. */
const GUARDED = [
  '/',
  '/search',
  '/sign-out',
  ...COLLECTIONS.flatMap(({ path }) => [path, `${path}/*`]),
  ...['/features/*', '/training-datasets', '/training-datasets/*', '/jobs', '/jobs/*'],
  ...['/failures', '/failures/*', '/generations', '/generations/*'],
]

function catalogOf(c: Context<Http>): Promise<Catalog> {
  return readCatalog(c.var.platform)
}

/** A path of ours and nothing else: where to go on to is not for others to say. */
function safePath(to: string | undefined): string {
  return to !== undefined && /^\/(?![/\\])[\x20-\x7e]*$/.test(to) ? to : '/'
}

function pathOfReferer(c: Context<Http>): string | undefined {
  const referer = c.req.header('referer')
  if (referer === undefined || !URL.canParse(referer)) return undefined
  const { origin, pathname, search } = new URL(referer)
  return origin === new URL(c.req.url).origin ? pathname + search : undefined
}
