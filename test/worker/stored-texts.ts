import { globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gunzipSync } from 'node:zlib'
import type { Env } from '../../src/cloudflare/env.ts'
import { openParquet } from '../../src/core/parquet.ts'

/** All that the store holds as text, by where it is: files decoded, every row of every table, every writer's storage. */
export async function storedTexts(env: Env, folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (let cursor: string | undefined, isMore = true; isMore; ) {
    const page = await env.BUCKET.list(cursor === undefined ? {} : { cursor })
    for (const { key } of page.objects) {
      const object = await env.BUCKET.get(key)
      if (object !== null) texts.set(`r2/${key}`, await decode(key, await object.arrayBuffer()))
    }
    isMore = page.truncated
    cursor = page.truncated ? page.cursor : undefined
  }
  for (const { name } of (await env.ONLINE.list()).keys)
    texts.set(`kv/${name}`, (await env.ONLINE.get(name)) ?? '')
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '_cf_%'",
  ).all<{ name: string }>()
  for (const { name } of results) {
    const rows = await env.DB.prepare(`SELECT * FROM "${name}"`).all()
    texts.set(`d1/${name}`, JSON.stringify(rows.results))
  }
  for (const path of globSync(join(folder, '**/{do,workflows}/**/*.sqlite')))
    texts.set(relative(folder, path).split('/').slice(1).join('/'), dumpDatabase(path))
  return texts
}

async function decode(key: string, bytes: ArrayBuffer): Promise<string> {
  if (key.endsWith('.gz')) return gunzipSync(new Uint8Array(bytes)).toString()
  const isParquet = Buffer.from(bytes).subarray(0, 4).toString() === 'PAR1'
  if (!isParquet) return Buffer.from(bytes).toString()
  const file = await openParquet(bytes, key)
  const values: unknown[] = []
  for (const { name } of file.columns)
    for (const { rowStart, rowEnd } of file.rowGroups)
      values.push(...Array.from(await file.readColumn(name, rowStart, rowEnd)))
  return values.map(String).join('\n')
}

/** Read beside workerd, which goes on writing: SQLite's log keeps the two apart. */
function dumpDatabase(path: string): string {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[]
  const rows = tables.flatMap(({ name }) => db.prepare(`SELECT * FROM "${name}"`).all())
  db.close()
  return JSON.stringify(rows, (_, value) =>
    typeof value === 'bigint'
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('latin1')
        : value,
  )
}
