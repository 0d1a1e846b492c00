// Random well-typed expressions, as text for the store and as text for DuckDB.
// The texts differ only where a departure of docs/expressions.md asks for it: DuckDB is told that integers are BIGINT
// and decimals DOUBLE, and narrower results of its functions are widened.

/** A type that the generator makes expressions of. */
export type GeneratedType = 'bool' | 'int64' | 'float64' | 'string' | 'timestamp' | ListType
type ListType = 'list<int64>' | 'list<float64>' | 'list<string>'

/** A piece of an expression; `binding` is that of its outermost operator, by which parentheses are left out. */
export interface Generated {
  readonly sql: string
  readonly oracle: string
  readonly binding: number
}

/** Random numbers from 0 to 1, exclusive, that a seed decides. */
export type Random = () => number

export const COLUMNS = [
  { name: 'i', type: 'int64' },
  { name: 'j', type: 'int64' },
  { name: 'f', type: 'float64' },
  { name: 'g', type: 'float64' },
  { name: 's', type: 'string' },
  { name: 'r', type: 'string' },
  { name: 'b', type: 'bool' },
  { name: 'c', type: 'bool' },
  { name: 't', type: 'timestamp' },
  { name: 'u', type: 'timestamp' },
  { name: 'li', type: 'list<int64>' },
  { name: 'lf', type: 'list<float64>' },
  { name: 'ls', type: 'list<string>' },
  // No item of these is null: DuckDB refuses a vector for null items of other rows.
  { name: 'v', type: 'list<float64>' },
  { name: 'w', type: 'list<float64>' },
] as const

const ATOM = 100
const OR = 1
const AND = 2
const NOT = 3
const IS = 4
const COMPARISON = 5
const LIKE = 6
const CONCAT = 7
const SUM = 8
const PRODUCT = 9
const SIGN = 11
const SUBSCRIPT = 12
const CAST = 13

const INTEGERS = ['0', '1', '2', '3', '7', '10', '60', '1000', '4294967296', '9223372036854775807']
const DECIMALS = ['0.0', '0.5', '1.5', '2.5', '1e-3', '3.25', '1e10', '1e308', '.5', '100.']
const STRINGS = [
  "''",
  "'a'",
  "'b'",
  "'ab'",
  "'l'",
  "'é'",
  "'👍'",
  "'it''s'",
  "' '",
  "'42'",
  "'1.5'",
  "'A'",
  "'%'",
]
export const PATTERNS = [
  "'a%'",
  "'%a'",
  "'%b%'",
  "'_'",
  "'__%'",
  "'%_'",
  "'a_c'",
  "'%é_l%'",
  "'%'",
  "''",
  "'%a%c%'",
  "'_👍'",
]
export const ESCAPED = [
  "'a!%b' escape '!'",
  "'%!_%' escape '!'",
  "'a!!%' escape '!'",
  "'a%' escape ''",
  "'xa%' escape 'x'",
]
const TIMES = [
  "timestamp '2020-02-29 23:59:59.999999'",
  "timestamp '1969-12-31'",
  "timestamp '2000-01-01 00:00:00.5'",
]
const INTERVALS = [
  "interval '1 month'",
  'interval 3 days',
  "interval '-5 hours'",
  "interval '1 year 2 months -3 days'",
  "interval '90' minutes",
  "interval '13 months 1 us'",
  'interval 2 weeks',
]
export const PARTS =
  'year month day hour minute second millisecond microsecond quarter week isoyear dow isodow doy'.split(' ')
export const MORE_PARTS = 'decade century millennium dayofweek dayofyear years mon'.split(' ')
export const UNITS = 'year quarter month week day hour minute second millisecond microsecond'.split(' ')
export const COMPARISONS = ['=', '<>', '!=', '<', '<=', '>', '>=']
const TYPES: readonly GeneratedType[] = ['bool', 'int64', 'float64', 'string', 'timestamp']
const LISTS: readonly ListType[] = ['list<int64>', 'list<float64>', 'list<string>']

/** A generator of expressions nested at most so deep. */
export function expressionGenerator(random: Random) {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!
  const atom = (sql: string, oracle = sql): Generated => ({ sql, oracle, binding: ATOM })

  /** Puts parentheses where the binding asks for them, and sometimes where it does not. */
  function within(piece: Generated, bindingMin: number): Generated {
    if (piece.binding >= bindingMin && random() > 0.05) return piece
    return atom(`(${piece.sql})`, `(${piece.oracle})`)
  }

  /** Joins texts and pieces: texts are the same for both. */
  function join(binding: number, ...parts: readonly (string | Generated)[]): Generated {
    const side = (key: 'sql' | 'oracle') =>
      parts.map((part) => (typeof part === 'string' ? part : part[key])).join('')
    return { sql: side('sql'), oracle: side('oracle'), binding }
  }

  function infix(
    binding: number,
    symbol: string,
    left: Generated,
    right: Generated,
    isChain = true,
  ): Generated {
    // To DuckDB, `%-` and `^-` are operators of their own, and `//-` binds less than `//`.
    const space =
      binding > CONCAT && symbol.length === 1 && !'%^'.includes(symbol) && random() < 0.3 ? '' : ' '
    // `--` would be a comment, and `a -5` is a difference, not two operands.
    const gap = symbol === '-' ? ' ' : space
    return join(
      binding,
      within(left, isChain ? binding : binding + 1),
      gap,
      symbol,
      gap,
      within(right, binding + 1),
    )
  }

  function call(name: string, ...operands: readonly Generated[]): Generated {
    return join(ATOM, `${name}(`, ...operands.flatMap((each, at) => (at === 0 ? [each] : [', ', each])), ')')
  }

  /** A call whose result DuckDB gives in another type. */
  function widened(type: string, name: string, ...operands: readonly Generated[]): Generated {
    const piece = call(name, ...operands)
    return { ...piece, oracle: `(${piece.oracle})::${type}` }
  }

  const integer = () => {
    const text = pick(INTEGERS)
    return atom(text, `${text}::BIGINT`)
  }
  const decimal = () => {
    const text = pick(DECIMALS)
    return atom(text, text.includes('e') ? text : `${text}e0`)
  }
  const small = () => {
    const n = below(12) - 4
    return n < 0 ? join(SIGN, '-', atom(`${-n}`, `${-n}::BIGINT`)) : atom(`${n}`, `${n}::BIGINT`)
  }
  /** For parameters that are 32 bits wide in DuckDB. */
  const small32 = () => {
    const n = below(14) - 4
    return atom(`${n}`)
  }
  const string = () => atom(pick(STRINGS))
  const column = (type: GeneratedType) =>
    atom(
      pick(
        COLUMNS.filter((each) => each.type === type && !['v', 'w'].includes(each.name)).map(
          ({ name }) => name,
        ),
      ),
    )

  function leaf(type: GeneratedType): Generated {
    if (random() < 0.65 || type.startsWith('list')) return column(type)
    switch (type) {
      case 'bool':
        return atom(pick(['true', 'false', 'null::boolean']))
      case 'int64':
        return random() < 0.1 ? atom('(-9223372036854775808)', '(-9223372036854775808)::BIGINT') : integer()
      case 'float64':
        return random() < 0.2 ? atom("'nan'::double") : decimal()
      case 'string':
        return string()
      default:
        return atom(pick(TIMES))
    }
  }

  function generate(type: GeneratedType, depth: number): Generated {
    if (depth <= 0 || random() < 0.1) return leaf(type)
    const sub = (of: GeneratedType) => generate(of, depth - 1)
    if (random() < 0.15) return choice(type, sub)
    switch (type) {
      case 'bool':
        return bool(sub)
      case 'int64':
        return int64(sub)
      case 'float64':
        return float64(sub)
      case 'string':
        return text(sub)
      case 'timestamp':
        return time(sub)
      default:
        return list(type, sub)
    }
  }

  type Sub = (type: GeneratedType) => Generated

  /** What any type can be made by. */
  function choice(type: GeneratedType, sub: Sub): Generated {
    const isList = type.startsWith('list')
    switch (below(isList ? 4 : 7)) {
      case 0:
        return join(ATOM, 'case when ', sub('bool'), ' then ', sub(type), ' else ', sub(type), ' end')
      case 1:
        return join(
          ATOM,
          'case when ',
          sub('bool'),
          ' then ',
          sub(type),
          ' when ',
          sub('bool'),
          ' then ',
          sub(type),
          ' end',
        )
      case 2:
        return call('coalesce', sub(type), ...(random() < 0.3 ? [atom('null')] : []), sub(type))
      case 3:
        return call('nullif', sub(type), sub(type))
      case 4:
        return join(
          ATOM,
          'case ',
          sub('int64'),
          ' when ',
          sub('int64'),
          ' then ',
          sub(type),
          ' else ',
          sub(type),
          ' end',
        )
      case 5:
        return call('greatest', sub(type), sub(type), ...(random() < 0.5 ? [sub(type)] : []))
      default:
        return call('least', sub(type), sub(type))
    }
  }

  function bool(sub: Sub): Generated {
    const type = pick(random() < 0.2 ? LISTS : TYPES)
    const mixed = () => pick<GeneratedType>(['int64', 'float64'])
    switch (below(18)) {
      case 0:
      case 1:
        return infix(AND, 'and', sub('bool'), sub('bool'))
      case 2:
      case 3:
        return infix(OR, 'or', sub('bool'), sub('bool'))
      case 4:
        return join(NOT, 'not ', within(sub('bool'), NOT))
      case 5:
      case 6:
        return infix(COMPARISON, pick(COMPARISONS), sub(type), sub(type), false)
      case 7:
        return infix(COMPARISON, pick(COMPARISONS), sub(mixed()), sub(mixed()), false)
      case 8:
        return join(IS, within(sub(type), IS + 1), pick([' is null', ' is not null']))
      case 9:
        return join(
          IS,
          within(sub('bool'), IS + 1),
          pick([' is true', ' is not true', ' is false', ' is not false']),
        )
      case 10:
        return infix(IS, pick(['is distinct from', 'is not distinct from']), sub(type), sub(type), false)
      case 11: {
        const items = [sub(type), random() < 0.3 ? atom('null') : sub(type), leaf(type)]
        return join(LIKE, within(sub(type), LIKE + 1), pick([' in ', ' not in ']), call('', ...items))
      }
      case 12: {
        const word = pick([' between ', ' not between '])
        return join(
          LIKE,
          within(sub(type), LIKE + 1),
          word,
          within(sub(type), LIKE + 1),
          ' and ',
          within(sub(type), LIKE + 1),
        )
      }
      case 13: {
        const word = pick([' like ', ' not like ', ' ilike ', ' not ilike '])
        const pattern = random() < 0.3 ? column('string') : atom(pick([...PATTERNS, ...ESCAPED]))
        return join(LIKE, within(sub('string'), LIKE + 1), word, pattern)
      }
      case 14:
        return call(
          pick(['starts_with', 'ends_with', 'contains', 'prefix', 'suffix']),
          sub('string'),
          sub('string'),
        )
      case 15: {
        const item = pick(['int64', 'float64', 'string'] as const)
        return call(pick(['list_contains', 'contains', 'array_has']), sub(`list<${item}>`), sub(item))
      }
      case 16:
        return call(pick(['isnan', 'isfinite', 'isinf']), sub(mixed()))
      default:
        return cast(pick(['cast', 'try_cast']), sub(pick(['int64', 'float64', 'string'])), 'boolean')
    }
  }

  function cast(form: string, value: Generated, type: string): Generated {
    // `::double[][1]` would be a list of arrays of one item.
    const binding = type.endsWith(']') ? SIGN : CAST
    if (form === 'cast' && random() < 0.5) return join(binding, within(value, CAST), '::', type)
    return join(ATOM, `${form}(`, value, ` as ${type})`)
  }

  function int64(sub: Sub): Generated {
    switch (below(20)) {
      case 0:
      case 1:
        return infix(SUM, pick(['+', '-']), sub('int64'), sub('int64'))
      case 2:
        return infix(PRODUCT, '*', sub('int64'), sub('int64'))
      case 3:
      case 4:
        return infix(PRODUCT, pick(['//', '%']), sub('int64'), sub('int64'))
      case 5:
        return join(SIGN, pick(['- ', '+ ']), within(sub('int64'), SIGN))
      case 6:
        return pick([
          call('abs', sub('int64')),
          call('mod', sub('int64'), sub('int64')),
          call('round', sub('int64')),
        ])
      case 7:
        return widened('BIGINT', 'sign', sub(pick(['int64', 'float64'])))
      case 8:
        return cast(pick(['cast', 'try_cast']), sub(pick(['float64', 'string', 'bool'])), 'bigint')
      case 9:
        return call(pick(['length', 'len']), sub(pick<GeneratedType>(['string', ...LISTS])))
      case 10:
        return call(pick(['strpos', 'instr']), sub('string'), sub('string'))
      case 11:
        return join(ATOM, 'position(', within(sub('string'), CONCAT), ' in ', sub('string'), ')')
      case 12:
      case 13:
        return join(ATOM, `extract(${pick([...PARTS, ...MORE_PARTS])} from `, sub('timestamp'), ')')
      case 14:
        return call(pick(['epoch_ms', 'epoch_us']), sub('timestamp'))
      case 15:
        return call(
          pick(['date_diff', 'datediff']),
          atom(`'${pick(UNITS)}'`),
          sub('timestamp'),
          sub('timestamp'),
        )
      case 16:
        return widened('BIGINT', 'list_sum', sub('list<int64>'))
      case 17:
        return call(pick(['list_min', 'list_max']), sub('list<int64>'))
      case 18:
        return join(
          SUBSCRIPT,
          within(sub('list<int64>'), SUBSCRIPT),
          '[',
          random() < 0.7 ? small() : sub('int64'),
          ']',
        )
      default:
        // Near the ends of int64 DuckDB's rounding wraps around.
        return call('round', infix(PRODUCT, '%', sub('int64'), atom('1000003', '1000003::BIGINT')), small32())
    }
  }

  function float64(sub: Sub): Generated {
    const number = () => sub(pick(['float64', 'float64', 'int64']))
    switch (below(14)) {
      case 0:
      case 1:
        return infix(SUM, pick(['+', '-']), sub('float64'), number())
      case 2:
        return infix(PRODUCT, '*', number(), sub('float64'))
      case 3:
      case 4:
        return infix(PRODUCT, '/', number(), number())
      case 5:
        return infix(PRODUCT, pick(['//', '%']), sub('float64'), number())
      case 6:
        return join(SIGN, pick(['- ', '+ ']), within(sub('float64'), SIGN))
      case 7:
        return call(pick(['abs', 'ceil', 'floor', 'round', 'trunc', 'ceiling']), sub('float64'))
      case 8:
        return call('sqrt', number())
      case 9:
        return call('round', sub('float64'), small32())
      case 10:
        return cast(pick(['cast', 'try_cast']), sub(pick(['int64', 'string', 'bool'])), 'double')
      case 11:
        return call('epoch', sub('timestamp'))
      case 12:
        return call(pick(['list_sum', 'list_min', 'list_max', 'list_avg']), sub('list<float64>'))
      default:
        return join(SUBSCRIPT, within(sub('list<float64>'), SUBSCRIPT), '[', small(), ']')
    }
  }

  function text(sub: Sub): Generated {
    const s = () => sub('string')
    switch (below(16)) {
      case 0:
      case 1:
        return infix(CONCAT, '||', s(), s())
      case 2:
        return call('concat', s(), s(), ...(random() < 0.3 ? [s()] : []))
      case 3:
        return call(pick(['lower', 'upper', 'trim', 'ltrim', 'rtrim', 'reverse']), s())
      case 4:
        return call(pick(['trim', 'ltrim', 'rtrim']), s(), s())
      case 5:
        return call(pick(['substring', 'substr']), s(), random() < 0.8 ? small() : sub('int64'))
      case 6:
        return call(pick(['substring', 'substr']), s(), small(), random() < 0.8 ? small() : sub('int64'))
      case 7:
        return call(pick(['left', 'right']), s(), random() < 0.8 ? small() : sub('int64'))
      case 8:
        return call('repeat', s(), small())
      case 9:
        return call('replace', s(), s(), s())
      case 10:
        // A macro in DuckDB, which leaves later arguments alone when an earlier one is null.
        return call('split_part', leaf('string'), leaf('string'), small())
      case 11:
        return call(pick(['lpad', 'rpad']), s(), small32(), s())
      case 12: {
        const value = sub('float64')
        return { ...cast('cast', value, 'varchar'), oracle: `float_text(${value.oracle})` }
      }
      case 13:
        return cast(pick(['cast', 'try_cast']), sub(pick(['int64', 'bool', 'timestamp'])), 'varchar')
      case 14:
        return join(SUBSCRIPT, within(sub('list<string>'), SUBSCRIPT), '[', small(), ']')
      default:
        return call(pick(['list_min', 'list_max']), sub('list<string>'))
    }
  }

  function time(sub: Sub): Generated {
    switch (below(6)) {
      case 0:
      case 1:
        return infix(SUM, pick(['+', '-']), sub('timestamp'), atom(pick(INTERVALS)))
      case 2:
        return infix(SUM, '+', atom(pick(INTERVALS)), sub('timestamp'))
      case 3:
        return call(pick(['date_trunc', 'datetrunc']), atom(`'${pick(UNITS)}'`), sub('timestamp'))
      case 4:
        return cast(pick(['cast', 'try_cast']), random() < 0.8 ? atom('s') : string(), 'timestamp')
      default:
        return call(pick(['make_timestamp', 'epoch_ms']), sub('int64'))
    }
  }

  function list(type: ListType, sub: Sub): Generated {
    const item = type.slice(5, -1) as 'int64' | 'float64' | 'string'
    switch (below(4)) {
      case 0:
        return join(ATOM, '[', sub(item), ', ', random() < 0.3 ? atom('null') : sub(item), ']')
      case 1:
        return call('list_value', sub(item), sub(item), sub(item))
      case 2:
        return infix(CONCAT, '||', sub(type), sub(type))
      default:
        return cast(
          'cast',
          castable(type === 'list<int64>' ? 'list<float64>' : 'list<int64>', sub),
          castTarget(type),
        )
    }
  }

  /** DuckDB casts what lies behind a null list, too, and fails for it: such lists are columns or made of items. */
  function castable(type: 'list<int64>' | 'list<float64>', sub: Sub): Generated {
    const item = type.slice(5, -1) as 'int64' | 'float64'
    return random() < 0.5 ? column(type) : call('list_value', sub(item), sub(item))
  }

  function castTarget(type: ListType): string {
    return { 'list<int64>': 'bigint[]', 'list<float64>': 'double[]', 'list<string>': 'varchar[]' }[type]
  }

  /** A function of floats whose last digit libraries disagree on. It stands outermost: nothing may depend on it. */
  function inexact(depth: number): Generated {
    const number = () => generate(pick(['float64', 'float64', 'int64']), depth - 1)
    const one = 'exp ln log log2 log10 sin cos tan asin acos atan radians degrees cbrt'.split(' ')
    const vector = () =>
      random() < 0.7
        ? atom(pick(['v', 'w']))
        : join(ATOM, '[', decimal(), ', coalesce(', column('float64'), ', 1.5e0)]')
    switch (below(6)) {
      case 0:
        return call(pick(['pow', 'power', 'atan2', 'log']), number(), number())
      case 1:
        return infix(10, pick(['^', '**']), number(), number())
      case 2:
        return call(
          pick(['list_dot_product', 'list_inner_product', 'list_distance', 'list_cosine_similarity']),
          vector(),
          vector(),
        )
      case 3:
        return call('list_avg', generate(pick(['list<int64>', 'list<float64>']), depth - 1))
      default:
        return call(pick(one), number())
    }
  }

  return {
    exact: (depth: number) => generate(pick([...TYPES, ...TYPES, ...LISTS]), depth),
    inexact,
  }
}
