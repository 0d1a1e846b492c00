/** The error that the store answered. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string

  constructor(status: number, error: Partial<ErrorAnswer['error']>, hint: string) {
    super((error.message ?? `The store answered ${status}`) + hint)
    this.name = 'ApiError'
    this.status = status
    this.code = error.code ?? 'unknown'
    this.details = error.details ?? {}
    this.requestId = error.request_id ?? ''
  }
}

interface ErrorAnswer {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
    readonly request_id: string
  }
}

export interface Api {
  readonly url: string
  readonly hasToken: boolean
  /** JSON of the answer. Throws `ApiError` for what the store refuses, `Error` when it cannot be reached. */
  request<T = unknown>(method: string, path: string, body?: unknown): Promise<T>
}

/** The store at `url`, spoken to with `token`. Bodies that are bytes go as they are, all others as JSON. */
export function createApi(url: string, token: string | undefined): Api {
  const base = url.replace(/\/+$/, '')
  return {
    url: base,
    hasToken: token !== undefined,
    async request<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers: Record<string, string> = {}
      if (token !== undefined) headers.authorization = `Bearer ${token}`
      const content = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body)
      const response = await send(base + path, {
        method,
        headers,
        ...(content === undefined ? {} : { body: content as string | Uint8Array<ArrayBuffer> }),
      })
      const text = await response.text()
      if (response.ok) return (text === '' ? {} : parse(text)) as T
      const error = (parse(text) as Partial<ErrorAnswer>)?.error ?? {}
      const hint = response.status === 401 ? '; set FEATHEREDGE_TOKEN or --token' : ''
      throw new ApiError(response.status, error, hint)
    },
  }
}

async function send(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request)
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
    const reason = cause?.code ?? cause?.message ?? (error as Error).message
    throw new Error(`Cannot reach ${new URL(url).origin}: ${reason}; set FEATHEREDGE_URL or --url`)
  }
}

/** Undefined for what is no JSON: a proxy's page, say. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
