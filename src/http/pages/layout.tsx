import type { Child } from 'hono/jsx'
import { ASSETS } from './assets.ts'

export interface PageFrame {
  readonly title: string
  /** Of the navigation, where the page belongs to one of its places. */
  readonly place?: Place | undefined
  /** What the search field holds. */
  readonly query?: string | undefined
  /** What the visitor has chosen; undefined follows the system. */
  readonly theme?: Theme | undefined
  /** Undefined before the visitor has signed in. */
  readonly formToken?: string | undefined
  readonly children?: Child
}

export const THEMES = ['light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const PLACES = [
  { path: '/feature-views', title: 'Views' },
  { path: '/feature-services', title: 'Services' },
  { path: '/sources', title: 'Sources' },
  { path: '/entities', title: 'Entities' },
  { path: '/training-datasets', title: 'Datasets' },
  { path: '/jobs', title: 'Jobs' },
  { path: '/failures', title: 'Failures' },
  { path: '/generations', title: 'History' },
] as const
export type Place = (typeof PLACES)[number]['path']

/** What every page stands in. */
export function Page({ title, place, query = '', theme, formToken, children }: PageFrame) {
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Featheredge`}</title>
        <link rel="stylesheet" href={ASSETS.style.path} />
        <link rel="icon" href="data:," />
        <script src={ASSETS.script.path} defer />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to content
        </a>
        <header>
          <div>
            <a class="brand" href="/">
              Featheredge
            </a>
            {formToken !== undefined && (
              <search>
                <form class="search" action="/search" method="get">
                  <input
                    type="search"
                    name="q"
                    value={query}
                    placeholder="Search features ( / )"
                    aria-label="Search features"
                  />
                </form>
              </search>
            )}
            {formToken !== undefined && (
              <nav aria-label="Catalog">
                {PLACES.map(({ path, title: name }) => (
                  <a href={path} aria-current={path === place ? 'page' : undefined}>
                    {name}
                  </a>
                ))}
              </nav>
            )}
          </div>
        </header>
        <main id="content">{children}</main>
        <footer>
          <form class="row" action="/theme" method="post">
            <span>Colours</span>
            {THEMES.map((one) => (
              <button class="plain" name="theme" value={one} type="submit">
                {one}
              </button>
            ))}
            <button class="plain" name="theme" value="system" type="submit">
              system
            </button>
            <a href="/docs">API reference</a>
          </form>
          {formToken !== undefined && (
            <form action="/sign-out" method="post">
              <FormToken token={formToken} />
              <button class="plain" type="submit">
                Sign out
              </button>
            </form>
          )}
        </footer>
      </body>
    </html>
  )
}

/** Shows that a form was sent from a page of ours: no other site can read it. */
export function FormToken({ token }: { readonly token: string }) {
  return <input type="hidden" name="form_token" value={token} />
}
