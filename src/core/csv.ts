/** One record of a CSV file. */
export interface CsvRow {
  /** Line it begins on, from 1. */
  readonly line: number
  /** An empty field without quotes is null, one in quotes is the empty string. */
  readonly fields: readonly (string | null)[]
  /** Why it is no record; undefined for one that is. */
  readonly fault: string | undefined
}

/**
 * Reads whole records as RFC 4180 has them: quoted fields may hold delimiters, newlines and doubled quotes; lines end
 * with or without a carriage return. Empty lines are left out. A quote inside an unquoted field is a character like others.
 */
export function parseCsv(text: string, delimiter: string, lineStart: number): CsvRow[] {
  const rows: CsvRow[] = []
  let line = lineStart
  let quote = text.indexOf('"')
  for (let at = 0; at < text.length; ) {
    if (quote !== -1 && quote < at) quote = text.indexOf('"', at)
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    if (quote === -1 || quote > end) {
      const plain = text.slice(at, end > at && text[end - 1] === '\r' ? end - 1 : end)
      if (plain !== '') rows.push({ line, fields: plain.split(delimiter).map(emptyToNull), fault: undefined })
      at = end + 1
      line++
    } else {
      const read = readQuoted(text, at, delimiter)
      rows.push({ line, fields: read.fields, fault: read.fault })
      line += read.lineCount
      at = read.end
    }
  }
  return rows
}

function emptyToNull(field: string): string | null {
  return field === '' ? null : field
}

/** Reads the record at `start`, which holds a quote somewhere. */
function readQuoted(text: string, start: number, delimiter: string) {
  const fields: (string | null)[] = []
  let fault: string | undefined
  let at = start
  let lineCount = 1
  for (;;) {
    if (text[at] === '"') {
      const close = closingQuote(text, at)
      if (close === -1) {
        fault ??= 'a quoted field never ends'
        return { fields, fault, lineCount, end: text.length }
      }
      const raw = text.slice(at + 1, close)
      for (let newline = raw.indexOf('\n'); newline !== -1; newline = raw.indexOf('\n', newline + 1))
        lineCount++
      fields.push(raw.replaceAll('""', '"'))
      at = close + 1
      if (text[at] === '\r' && text[at + 1] === '\n') at++
      const isEnd = at >= text.length || text[at] === '\n' || text[at] === delimiter
      if (!isEnd) {
        fault ??= `field ${fields.length} goes on after its closing quote`
        at = fieldEnd(text, at, delimiter)
      }
    } else {
      const end = fieldEnd(text, at, delimiter)
      const isLast = end >= text.length || text[end] === '\n'
      fields.push(emptyToNull(text.slice(at, isLast && end > at && text[end - 1] === '\r' ? end - 1 : end)))
      at = end
    }
    if (text[at] !== delimiter) return { fields, fault, lineCount, end: at + 1 }
    at++
  }
}

/** Index of the quote that closes the field opened at `open`; -1 when none does. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; ; at += 2) {
    at = text.indexOf('"', at)
    if (at === -1 || text[at + 1] !== '"') return at
  }
}

/** Index of the delimiter or newline that ends the unquoted field at `start`, or the text's length. */
function fieldEnd(text: string, start: number, delimiter: string): number {
  let at = start
  while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++
  return at
}
