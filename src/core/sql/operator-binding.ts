import { peek, type TokenReader } from './token-reader.ts'

/** How tightly each operator binds in DuckDB, loosest first. */
export const BINDING = {
  or: 1,
  and: 2,
  not: 3,
  is: 4,
  comparison: 5,
  like: 6,
  concat: 7,
  sum: 8,
  product: 9,
  power: 10,
  sign: 11,
  subscript: 12,
  cast: 13,
} as const

/** Operators between two operands, the function each calls, and whether `a op b op c` needs parentheses. */
export const INFIX: Readonly<Record<string, { name: string; binding: number; isChainable: boolean }>> = {
  or: { name: 'or', binding: BINDING.or, isChainable: true },
  and: { name: 'and', binding: BINDING.and, isChainable: true },
  '=': { name: '=', binding: BINDING.comparison, isChainable: false },
  '==': { name: '=', binding: BINDING.comparison, isChainable: false },
  '<>': { name: '<>', binding: BINDING.comparison, isChainable: false },
  '!=': { name: '<>', binding: BINDING.comparison, isChainable: false },
  '<': { name: '<', binding: BINDING.comparison, isChainable: false },
  '<=': { name: '<=', binding: BINDING.comparison, isChainable: false },
  '>': { name: '>', binding: BINDING.comparison, isChainable: false },
  '>=': { name: '>=', binding: BINDING.comparison, isChainable: false },
  '||': { name: '||', binding: BINDING.concat, isChainable: true },
  '+': { name: '+', binding: BINDING.sum, isChainable: true },
  '-': { name: '-', binding: BINDING.sum, isChainable: true },
  '*': { name: '*', binding: BINDING.product, isChainable: true },
  '/': { name: '/', binding: BINDING.product, isChainable: true },
  '//': { name: '//', binding: BINDING.product, isChainable: true },
  '%': { name: '%', binding: BINDING.product, isChainable: true },
  '^': { name: '^', binding: BINDING.power, isChainable: true },
  '**': { name: '^', binding: BINDING.power, isChainable: true },
}

/** The binding of the operator that comes next; 0 if none comes. */
export function nextBinding(reader: TokenReader): number {
  const { kind, text } = peek(reader)
  if (kind !== 'symbol' && kind !== 'name') return 0
  if (Object.hasOwn(INFIX, text)) return INFIX[text]!.binding
  switch (text) {
    case 'is':
      return BINDING.is
    case 'in':
    case 'like':
    case 'ilike':
    case 'between':
    case 'not':
      return BINDING.like
    case '[':
      return BINDING.subscript
    case '::':
      return BINDING.cast
    default:
      return 0
  }
}

/** Whether the operator at a token, just read, may be followed by one of its own binding: it ends in no operand. */
export function isChainable(reader: TokenReader, at: number): boolean {
  const words = reader.tokens.slice(at, at + 3).map((token) => token.text)
  if (words[0] === 'is') return !words.includes('distinct')
  if (words[0] === 'in' || words[1] === 'in') return true
  return INFIX[words[0]!]?.isChainable ?? (words[0] === '[' || words[0] === '::')
}
