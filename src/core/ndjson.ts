import { FeatureStoreError } from './error.ts'
import { parseJson } from './json.ts'

/** One line of an NDJSON file. */
export interface NdjsonRow {
  /** From 1. */
  readonly line: number
  readonly json: unknown
  /** Why it is no JSON; undefined for one that is. */
  readonly fault: string | undefined
}

/** Reads whole lines, each a JSON text (S14: every digit is kept); empty ones are left out. */
export function parseNdjson(text: string, lineStart: number): NdjsonRow[] {
  const rows: NdjsonRow[] = []
  for (let at = 0, line = lineStart; at < text.length; line++) {
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    const row = text.slice(at, text[end - 1] === '\r' ? end - 1 : end)
    if (row !== '') rows.push(parseLine(row, line))
    at = end + 1
  }
  return rows
}

function parseLine(text: string, line: number): NdjsonRow {
  try {
    return { line, json: parseJson(text, 'it as JSON'), fault: undefined }
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return { line, json: null, fault: error.message }
  }
}
