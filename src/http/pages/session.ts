import type { Context, Next } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { permissionOf, refusalOf } from '../../auth/permission.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { fingerprint } from '../../definitions/fingerprint.ts'
import { identify } from '../authenticate.ts'
import type { Http } from '../context.ts'
import { THEMES, type Theme } from './layout.tsx'

const SESSION_COOKIE = 'featheredge_session'
const THEME_COOKIE = 'featheredge_theme'
const DAY_S = 86_400

/** Lets a visitor who has signed in pass; any other is led to the sign-in page. The cookie opens pages alone, never `/v1`. */
export async function requireSession(c: Context<Http>, next: Next): Promise<Response | undefined> {
  const token = getCookie(c, SESSION_COOKIE)
  const bearer = token === undefined ? undefined : await identify(c, token)
  if (bearer === undefined) return c.redirect(`/sign-in?to=${encodeURIComponent(pathOf(c))}`)
  // Pages stand under the names of the API's paths; what is none of them needs the administrator's scope.
  const { method, path } = c.req
  const refusal = bearer.grant === null ? undefined : refusalOf(bearer.grant, permissionOf(method, path))
  if (refusal !== undefined)
    throw new FeatureStoreError('permission_denied', `Cannot open "${path}": ${refusal}`)
  c.set('caller', bearer.id)
  await next()
  return undefined
}

/** Keeps the token in a cookie that neither scripts nor other sites can use. */
export function beginSession(c: Context<Http>, token: string): void {
  const secure = new URL(c.req.url).protocol === 'https:'
  setCookie(c, SESSION_COOKIE, token, {
    httpOnly: true,
    sameSite: 'Strict',
    secure,
    path: '/',
    maxAge: 7 * DAY_S,
  })
}

export function endSession(c: Context<Http>): void {
  deleteCookie(c, SESSION_COOKIE, { path: '/' })
}

/** What a form of this session has to bring along. */
export function formToken(c: Context<Http>): string {
  return fingerprint(['form', getCookie(c, SESSION_COOKIE) ?? ''])
}

/** The fields of a form of ours. Throws `permission_denied` for one that another site has sent. */
export async function readForm(c: Context<Http>): Promise<Readonly<Record<string, string>>> {
  refuseForeign(c)
  const body = await c.req.parseBody()
  const fields = Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'))
  if (fields.form_token !== formToken(c)) throw foreign()
  return fields as Record<string, string>
}

/** Browsers say where a request comes from: one that comes from elsewhere changes nothing here. */
export function refuseForeign(c: Context<Http>): void {
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site')
  const isForeign =
    (origin !== undefined && origin !== new URL(c.req.url).origin) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  if (isForeign) throw foreign()
}

function foreign(): FeatureStoreError {
  return new FeatureStoreError(
    'permission_denied',
    'Cannot take the form: it does not come from a page of this session, open the page again',
  )
}

export function readTheme(c: Context<Http>): Theme | undefined {
  const chosen = getCookie(c, THEME_COOKIE)
  return THEMES.find((theme) => theme === chosen)
}

export function keepTheme(c: Context<Http>, theme: string): void {
  setCookie(c, THEME_COOKIE, theme, { sameSite: 'Lax', path: '/', maxAge: 365 * DAY_S })
}

/** Path and query of the request: where to go on after signing in. */
function pathOf(c: Context<Http>): string {
  const { pathname, search } = new URL(c.req.url)
  return pathname + search
}
