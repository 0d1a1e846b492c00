// docs/expressions.md says what the language is; its tables are the tables of the code.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SCALAR_CASTS } from '../../../src/core/sql/cast-value.ts'
import type { SqlFunction } from '../../../src/core/sql/sql-function.ts'
import { SQL_FUNCTIONS } from '../../../src/core/sql/sql-functions.ts'

const document = readFileSync('docs/expressions.md', 'utf8')

test('docs/expressions.md has a row for every function and operator, and no other', () => {
  expect(rowsUnder('## Functions and operators')).toEqual(SQL_FUNCTIONS.map(functionRow))
})

test('docs/expressions.md has a row for every cast, and no other', () => {
  const casts = Object.entries(SCALAR_CASTS).filter(([, to]) => Object.keys(to).length > 0)
  expect(rowsUnder('## Casts')).toEqual(
    casts.map(([from, to]) => `| \`${from}\` | ${Object.keys(to).map(code).join(', ')} |`),
  )
})

function functionRow({ names, syntax, overloads, nulls, description }: SqlFunction): string {
  const written = syntax ?? names.map((name) => `${name}(…)`).join(', ')
  const others =
    syntax === undefined ? [] : names.filter((name) => /^\w+$/.test(name) && !syntax.includes(name))
  const signatures = names[0]!.endsWith('cast')
    ? 'see [Casts](#casts)'
    : overloads.map(({ signature }) => code(signature)).join('<br>')
  const cells = [
    [code(written), ...others.map((name) => code(`${name}(…)`))].join(', '),
    signatures,
    description,
    nulls ?? '',
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** The rows of the first table under a heading, without its head. */
function rowsUnder(heading: string): string[] {
  const lines = document.slice(document.indexOf(`${heading}\n`)).split('\n')
  const start = lines.findIndex((line) => line.startsWith('| --- '))
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'))
  return lines.slice(start + 1, end)
}

function code(text: string): string {
  return `\`${text}\``
}
