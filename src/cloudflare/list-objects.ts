/** Every object whose key begins so, by key. */
export async function* listObjects(bucket: R2Bucket, prefix: string): AsyncGenerator<R2Object> {
  for (let cursor: string | undefined; ; ) {
    const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.objects
    if (!page.truncated) return
    cursor = page.cursor
  }
}
