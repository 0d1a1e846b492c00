import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import { FeatureStoreError } from '../../core/error.ts'
import type { Http } from '../context.ts'
import { STATUS_BY_CODE } from '../error-response.ts'
import { Page, type Place } from './layout.tsx'
import { formToken, readTheme } from './session.ts'

interface Shown {
  readonly title: string
  readonly place?: Place
  readonly query?: string
}

/** A page of the session around its content. */
export function show(
  c: Context<Http>,
  { title, place, query }: Shown,
  content: Child,
): Response | Promise<Response> {
  c.header('cache-control', 'private, no-store')
  return c.html(
    <Page title={title} place={place} query={query} theme={readTheme(c)} formToken={formToken(c)}>
      {content}
    </Page>,
  )
}

/** What went wrong, as a page. */
export function faultPage(c: Context<Http>, error: unknown): Response | Promise<Response> {
  const known = error instanceof FeatureStoreError ? error : undefined
  if (known === undefined || known.code === 'internal')
    c.var.platform.log.error('A page failed unexpectedly', {
      request_id: c.var.requestId,
      reason: String(error),
    })
  const { code, message } = known ?? { code: 'internal' as const, message: 'Something unexpected happened' }
  c.status(STATUS_BY_CODE[code])
  const title = code === 'not_found' ? 'Not found' : 'That did not work'
  return show(
    c,
    { title },
    <>
      <h1>{title}</h1>
      <p class="lead">{message}</p>
      <p>
        <a href="/">To the catalog</a>, or <a href="/generations">to what was defined before</a>.
      </p>
    </>,
  )
}
