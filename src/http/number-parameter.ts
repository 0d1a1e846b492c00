import * as z from 'zod'

/** A query parameter that is a whole number, both bounds inclusive; `readQuery` says what was given instead. */
export function numberParameter(least: number, most: number) {
  const error = `a whole number from ${least} to ${most} is needed`
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error })
}
