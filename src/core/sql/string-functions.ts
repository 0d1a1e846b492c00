import type { Value } from '../value.ts'
import { countCodePoints, toLower, toUpper } from './code-points.ts'
import { compileLike, likeFault } from './like-pattern.ts'
import { listContains } from './list-items.ts'
import { checkListSize, checkTextSize } from './result-size.ts'
import type { Constants, Evaluate, Operand, SqlFunction } from './sql-function.ts'
import { leftPart, padText, replaceText, rightPart, splitPart, substring, trimText } from './string-parts.ts'

/** Text by code points; positions count from 1. */
export const STRING_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['||'],
    syntax: 'a || b',
    description: 'Both strings, or both lists, one behind the other.',
    overloads: [
      { signature: '(string, string) -> string', evaluate: (a: string, b: string) => checkTextSize(a + b) },
      {
        signature: '(list<T>, list<T>) -> list<T>',
        evaluate: (a: readonly Value[], b: readonly Value[]) => checkListSize([...a, ...b]),
      },
    ],
  },
  {
    names: ['concat'],
    nulls: 'nulls are skipped; empty if all are null',
    description: 'All strings, one behind the other.',
    overloads: [{ signature: '(string...) -> string', compile: compileConcat }],
  },
  text('lower', 'Lower case, letter by letter.', toLower),
  text('upper', 'Upper case, letter by letter.', toUpper),
  trim('trim', 'Without the spaces, or the characters given, at both ends.', true, true),
  trim('ltrim', 'Without the spaces, or the characters given, at the start.', true, false),
  trim('rtrim', 'Without the spaces, or the characters given, at the end.', false, true),
  text('reverse', 'Code points in the opposite order.', (s) => [...s].reverse().join('')),
  {
    names: ['length', 'len'],
    description: 'How many code points a string, or items a list, has.',
    overloads: [
      { signature: '(string) -> int64', evaluate: (s: string) => BigInt(countCodePoints(s)) },
      { signature: '(list<T>) -> int64', evaluate: (list: readonly Value[]) => BigInt(list.length) },
    ],
  },
  {
    names: ['substring', 'substr'],
    description: 'From a position, negative from the end, so many code points on (all; negative: before it).',
    overloads: [
      { signature: '(string, int64) -> string', evaluate: (s: string, from: bigint) => substring(s, from) },
      { signature: '(string, int64, int64) -> string', evaluate: substring },
    ],
  },
  counted('left', 'So many code points from the start; negative: all but so many at the end.', leftPart),
  counted('right', 'So many code points from the end; negative: all but so many at the start.', rightPart),
  counted('repeat', 'So many times the string.', (s, count) => {
    if (count <= 0n || s === '') return ''
    checkTextSize({ length: Number(count) * s.length })
    return s.repeat(Number(count))
  }),
  {
    names: ['replace'],
    description: 'With each occurrence of the second replaced by the third; an empty second changes nothing.',
    overloads: [{ signature: '(string, string, string) -> string', evaluate: replaceText }],
  },
  {
    names: ['split_part'],
    description:
      'The part of that number, negative from the end, between separators; empty if there is none.',
    overloads: [{ signature: '(string, string, int64) -> string', evaluate: splitPart }],
  },
  searched(['starts_with', 'prefix'], 'Whether the first starts with the second.', (s, part) =>
    s.startsWith(part),
  ),
  searched(['ends_with', 'suffix'], 'Whether the first ends with the second.', (s, part) => s.endsWith(part)),
  {
    names: ['contains'],
    description: 'Whether the first holds the second, as a part or, if it is a list, as an item.',
    overloads: [
      { signature: '(string, string) -> bool', evaluate: (s: string, part: string) => s.includes(part) },
      { signature: '(list<T>, T) -> bool', evaluateFor: listContains },
    ],
  },
  {
    names: ['strpos', 'instr'],
    syntax: 'strpos(a, b), position(b in a)',
    description: 'Position of the second in the first, 0 if it is not there.',
    overloads: [
      {
        signature: '(string, string) -> int64',
        evaluate: findText,
      },
    ],
  },
  {
    names: ['lpad'],
    description:
      'Cut or filled at the start with the third to so many code points; an error if that is empty.',
    overloads: [
      {
        signature: '(string, int64, string) -> string',
        evaluate: (s: string, count: bigint, pad: string) => padText(s, count, pad, (fill) => fill + s),
      },
    ],
  },
  {
    names: ['rpad'],
    description: 'Cut or filled at the end with the third to so many code points; an error if that is empty.',
    overloads: [
      {
        signature: '(string, int64, string) -> string',
        evaluate: (s: string, count: bigint, pad: string) => padText(s, count, pad, (fill) => s + fill),
      },
    ],
  },
  like(
    'like',
    'Whether a text matches: `_` is one code point, `%` any number, after the escape they are themselves.',
  ),
  like('ilike', 'As `like`, with both sides in lower case.'),
]

function text(name: string, description: string, evaluate: (s: string) => string): SqlFunction {
  return { names: [name], description, overloads: [{ signature: '(string) -> string', evaluate }] }
}

function counted(
  name: string,
  description: string,
  evaluate: (s: string, count: bigint) => string,
): SqlFunction {
  return { names: [name], description, overloads: [{ signature: '(string, int64) -> string', evaluate }] }
}

function searched(
  names: readonly string[],
  description: string,
  evaluate: (s: string, part: string) => boolean,
): SqlFunction {
  return { names, description, overloads: [{ signature: '(string, string) -> bool', evaluate }] }
}

function trim(name: string, description: string, isStart: boolean, isEnd: boolean): SqlFunction {
  const evaluate = (s: string, characters?: string) => trimText(s, characters, isStart, isEnd)
  return {
    names: [name],
    description,
    overloads: [
      { signature: '(string) -> string', evaluate: (s: string) => evaluate(s) },
      { signature: '(string, string) -> string', evaluate },
    ],
  }
}

function like(name: 'like' | 'ilike', description: string): SqlFunction {
  const compile = (pattern: string, escapeCharacter = '') =>
    compileLike(pattern, escapeCharacter, name === 'ilike')
  const check = ([, pattern, escapeCharacter]: Constants) =>
    typeof pattern === 'string' ? likeFault(pattern, escapeCharacter) : undefined
  const evaluate = (text: string, pattern: string, escapeCharacter?: string) =>
    compile(pattern, escapeCharacter)(text)
  return {
    names: [name],
    syntax: `a [not] ${name} b [escape c]`,
    description,
    overloads: [
      {
        signature: '(string, string) -> bool',
        check,
        evaluateFor: (_, [, pattern]) => (typeof pattern === 'string' ? compile(pattern) : evaluate),
      },
      {
        signature: '(string, string, string) -> bool',
        check,
        evaluateFor: (_, [, pattern, escapeCharacter]) =>
          typeof pattern === 'string' && typeof escapeCharacter === 'string'
            ? compile(pattern, escapeCharacter)
            : evaluate,
      },
    ],
  }
}

function findText(text: string, part: string): bigint {
  const at = text.indexOf(part)
  return at < 0 ? 0n : BigInt(countCodePoints(text.slice(0, at)) + 1)
}

function compileConcat(operands: readonly Operand[]): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  return (row) => {
    let joined = ''
    for (const part of parts) joined += part(row) ?? ''
    return checkTextSize(joined)
  }
}
