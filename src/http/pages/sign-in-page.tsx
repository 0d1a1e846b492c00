import type { Theme } from './layout.tsx'
import { Page } from './layout.tsx'

/** Asks for a token; `to` is where the visitor wanted to go. */
export function SignInPage({
  to,
  fault,
  theme,
}: {
  readonly to: string
  readonly fault?: string | undefined
  readonly theme?: Theme | undefined
}) {
  return (
    <Page title="Sign in" theme={theme}>
      <h1>Sign in to the catalog</h1>
      <p class="lead">
        Use the token that you use for the API. It stays in this browser, out of reach of scripts.
      </p>
      {fault !== undefined && (
        <p class="bad status" role="alert">
          {fault}
        </p>
      )}
      <form class="row card" action="/sign-in" method="post">
        <input type="hidden" name="to" value={to} />
        <label>
          Token
          <input type="password" name="token" required autocomplete="current-password" />
        </label>
        <button type="submit">Sign in</button>
      </form>
    </Page>
  )
}
