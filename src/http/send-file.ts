import type { Context } from 'hono'
import type { StoredFile } from '../platform.ts'
import { parseRange } from './byte-range.ts'
import type { Http } from './context.ts'

/** A file or the part of it that is asked for, as readers of Parquet over HTTP ask. */
export async function sendFile(c: Context<Http>, file: StoredFile): Promise<Response> {
  const etag = `"${file.etag}"`
  const headers: Record<string, string> = {
    etag,
    'accept-ranges': 'bytes',
    'content-type': contentType(file.path),
  }
  if (matches(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  const ifRange = c.req.header('if-range')
  const isWanted = ifRange === undefined || ifRange === etag
  const span = isWanted ? parseRange(c.req.header('range'), file.bytes) : undefined
  if (span === null) {
    const range = `bytes */${file.bytes}`
    return new Response(null, { status: 416, headers: { ...headers, 'content-range': range } })
  }
  const { start, end } = span ?? { start: 0, end: file.bytes }
  headers['content-length'] = String(end - start)
  if (span !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${file.bytes}`
  const status = span === undefined ? 200 : 206
  if (c.req.method === 'HEAD') return new Response(null, { status, headers })
  const body = await c.var.platform.files.stream(file, { offset: start, length: end - start })
  return new Response(body as ReadableStream, { status, headers })
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((one) => [etag, '*'].includes(one.trim().replace(/^W\//, '')))
}

function contentType(path: string): string {
  const ending = path.slice(path.lastIndexOf('.') + 1)
  return CONTENT_TYPES[ending] ?? 'application/octet-stream'
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
}
