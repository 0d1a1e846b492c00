import type { Platform } from '../platform.ts'

/** What every request is given. */
export interface Services {
  readonly platform: Platform
  /** The bootstrap administrator's token; undefined closes the store. */
  readonly adminToken: string | undefined
}

export interface Http {
  Bindings: object
  Variables: Services & {
    readonly requestId: string
    /** Who is asking: the id of the token. */
    readonly caller: string
  }
}
