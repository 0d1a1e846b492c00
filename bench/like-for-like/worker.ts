import { Hono } from 'hono'

/** The same framework, the same check of the token and the same bytes as a Get, with no store behind them. */
const app = new Hono<{ Bindings: { readonly TOKEN: string; readonly BODY: string } }>()

app.get('/features', (c) => {
  if (c.req.header('authorization') !== `Bearer ${c.env.TOKEN}`) return c.text('unauthenticated', 401)
  return c.body(c.env.BODY, 200, { 'content-type': 'application/json' })
})

export default app
