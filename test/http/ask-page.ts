import { createApp } from '../../src/http/app.ts'
import type { Platform } from '../../src/platform.ts'

export const ORIGIN = 'http://store.example'
export const ADMIN_TOKEN = 'the administrator'

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<string, string>>
  /** Null comes without a session. */
  readonly token?: string | null
}

/** A request of a browser that has signed in. */
export async function askPage(
  platform: Platform,
  path: string,
  { method = 'GET', headers = {}, fields, token = ADMIN_TOKEN }: Asked = {},
) {
  const app = createApp(() => ({ platform, adminToken: ADMIN_TOKEN }))
  const cookie: Record<string, string> =
    token === null ? {} : { cookie: `featheredge_session=${encodeURIComponent(token)}` }
  const init = { method, headers: { ...cookie, ...headers } }
  const body = fields === undefined ? {} : { body: new URLSearchParams(fields) }
  const response = await app.fetch(new Request(ORIGIN + path, { ...init, ...body }), {})
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** What a reader sees of a page, without its tags and in one line. */
export function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
}
