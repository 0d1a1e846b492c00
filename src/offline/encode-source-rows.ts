import { createParquetWriter } from '../core/parquet.ts'
import type { NamedType } from '../core/segment.ts'
import { encodeValue } from '../core/value.ts'
import type { SourceRow, SourceRows } from './read-source-rows.ts'

type Parts = AsyncIterable<SourceRows>

/** A JSON object a line, part by part. */
export async function* encodeAsNdjson(columns: readonly NamedType[], parts: Parts): AsyncGenerator<string> {
  const names = columns.map(({ name }) => JSON.stringify(name))
  for await (const { rows } of parts) {
    let text = ''
    for (const values of rows) {
      const cells = columns.map(({ type }, at) => `${names[at]}:${encodeValue(type, values[at]!)}`)
      text += `{${cells.join(',')}}\n`
    }
    yield text
  }
}

/** A JSON object a line, of the rows that the other formats leave out. */
export async function* encodeFaults(_columns: readonly NamedType[], parts: Parts): AsyncGenerator<string> {
  for await (const { faults } of parts) yield faults.map((fault) => `${JSON.stringify(fault)}\n`).join('')
}

/** Rows of a row group, at least: the parts of one that waits in writers are small. */
const GROUP_ROWS_MIN = 8_192

/** A Parquet file, part by part: memory holds the rows of one part, and as many as make a row group. */
export async function* encodeAsParquet(
  columns: readonly NamedType[],
  parts: Parts,
): AsyncGenerator<Uint8Array> {
  const writer = createParquetWriter(columns.map(({ name, type }) => ({ name, type })))
  let held: SourceRow[] = []
  const write = () => {
    if (held.length > 0) writer.write(columns.map((_, at) => held.map((values) => values[at]!)))
    held = []
  }
  for await (const { rows } of parts) {
    for (const row of rows) held.push(row)
    if (held.length < GROUP_ROWS_MIN) continue
    write()
    yield writer.takeBytes()
  }
  write()
  yield writer.finish()
}
