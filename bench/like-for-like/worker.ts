import { Hono } from 'hono'

/** As a Get has them, and as long. */
const HEADERS = {
  'content-type': 'application/json',
  'x-generation': '1',
  'server-timing': 'blocks;desc="cached=1 kv=0 refreshed=0 writers=0", read;dur=0, total;dur=0',
  'x-request-id': '01KAV5Y7T8Z3M4N5P6Q7R8S9T0',
}

/** The same framework, the same check of the token and the same bytes as a Get, with no store behind them. */
const app = new Hono<{ Bindings: { readonly TOKEN: string; readonly BODY: string } }>()

app.get('/features', (c) => {
  if (c.req.header('authorization') !== `Bearer ${c.env.TOKEN}`) return c.text('unauthenticated', 401)
  return c.body(c.env.BODY, 200, HEADERS)
})

export default app
