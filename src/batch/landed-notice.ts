import * as z from 'zod'

/** What R2 tells of an object that was made, replaced or deleted; what else it says is of no use here. */
const EventNotification = z.object({
  action: z.string(),
  bucket: z.string(),
  object: z.object({ key: z.string() }),
})

const MADE = ['PutObject', 'CopyObject', 'CompleteMultipartUpload']
const DELETED = ['DeleteObject', 'LifecycleDeletion']
/** `landing/<source>/<name>`; a key that ends in a slash is a folder's mark. */
const LANDED_KEY = /^landing\/([^/]+)\/(.*[^/])$/s

/** A message of the queue that R2's event notifications come by, read. */
export type LandedNotice =
  | { readonly kind: 'made'; readonly bucket: string; readonly source: string; readonly name: string }
  | { readonly kind: 'deleted' }
  /** It names no landed file: one of another rule, or of somebody else. */
  | { readonly kind: 'strange'; readonly reason: string; readonly facts: Readonly<Record<string, string>> }

/** Never throws: what it cannot read is strange. */
export function readLandedNotice(body: string): LandedNotice {
  const read = EventNotification.safeParse(parse(body))
  if (!read.success) return { kind: 'strange', reason: 'it is no event notification of R2', facts: {} }
  const { action, bucket, object } = read.data
  if (DELETED.includes(action)) return { kind: 'deleted' }
  const facts = { action, bucket, key: object.key }
  if (!MADE.includes(action)) return { kind: 'strange', reason: 'its action is unknown', facts }
  const [, source, name] = LANDED_KEY.exec(object.key) ?? []
  if (source === undefined || name === undefined)
    return { kind: 'strange', reason: 'its key is not landing/<source>/<name>', facts }
  return { kind: 'made', bucket, source, name }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
