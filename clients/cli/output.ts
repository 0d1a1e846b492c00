/** Where a command writes: people read tables, programs read one JSON document. */
export interface Output {
  readonly isJson: boolean
  /** A line for people; nothing with `--json`. */
  line(text?: string): void
  /** Rows under their heads, for people. */
  table(heads: readonly string[], rows: readonly (readonly unknown[])[]): void
  /** The answer itself, for programs: with `--json` the one thing that is written. */
  json(answer: unknown): void
  /** How far something has come; drawn over itself on a terminal. */
  progress(label: string, done: number, total: number): void
  paint(colour: Colour, text: string): string
}

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const
export type Colour = keyof typeof CODES

interface Stream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const BAR_CHARS = 30

export function createOutput(stream: Stream, isJson: boolean, hasColours: boolean): Output {
  const paint = (colour: Colour, text: string) =>
    hasColours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
  let lastProgress = ''
  return {
    isJson,
    paint,
    line(text = '') {
      if (!isJson) stream.write(`${text}\n`)
    },
    table(heads, rows) {
      if (isJson) return
      const cells = rows.map((row) => row.map(cellText))
      const widths = heads.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at]!.length)))
      const lineOf = (row: readonly string[]) =>
        row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join('  ')
      stream.write(`${paint('bold', lineOf(heads))}\n`)
      for (const row of cells) stream.write(`${lineOf(row)}\n`)
    },
    json(answer) {
      if (isJson) stream.write(`${JSON.stringify(answer, null, 2)}\n`)
    },
    progress(label, done, total) {
      if (isJson) return
      const share = total === 0 ? 0 : done / total
      const bar = '#'.repeat(Math.round(share * BAR_CHARS)).padEnd(BAR_CHARS, '.')
      const text = `[${bar}] ${String(Math.round(share * 100)).padStart(3)} % ${label}`
      if (text === lastProgress) return
      lastProgress = text
      stream.write(stream.isTTY === true ? `\r${text}` : `${text}\n`)
    },
  }
}

/** One line of any value: what a store holds may have line ends of its own. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return [...text].map((char) => (char < ' ' || char === '\u007f' ? ' ' : char)).join('')
}
