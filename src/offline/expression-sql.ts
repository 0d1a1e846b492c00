import { FeatureStoreError } from '../core/error.ts'
import type { ExpressionType } from '../core/sql/expression-type.ts'
import { constantValue, type TypedExpression } from '../core/sql/typed-expression.ts'
import type { Value, ValueType } from '../core/value.ts'
import { type SqlDialect, sqlLiteral, sqlType } from './sql-dialect.ts'

/** Writes a checked expression for an engine; `columns` are the texts of what it reads, by place. */
export function expressionSql(
  dialect: SqlDialect,
  expression: TypedExpression,
  columns: readonly string[],
): string {
  switch (expression.kind) {
    case 'column':
      return columns[expression.column]!
    case 'constant':
      return constantSql(dialect, expression.type, constantValue(expression.type, expression.text))
    case 'call': {
      const operands = expression.arguments.map((argument) => expressionSql(dialect, argument, columns))
      return callSql(dialect, expression, operands)
    }
  }
}

type Call = Extract<TypedExpression, { readonly kind: 'call' }>
type Write = (operands: readonly string[], call: Call, dialect: SqlDialect) => string

function constantSql(dialect: SqlDialect, type: ExpressionType, value: Value): string {
  if (type === 'interval') {
    const [months, days, micros] = value as unknown as readonly [number, number, number]
    return dialect.engine === 'duckdb'
      ? `(to_months(${months}) + to_days(${days}) + to_microseconds(${micros}))`
      : `make_interval(0, ${months}, 0, ${days}, 0, 0, CAST(${micros} AS DECIMAL(20, 0)) / 1000000)`
  }
  if (type === 'null') return 'NULL'
  return sqlLiteral(dialect, (type === 'list<null>' ? 'list<string>' : type) as ValueType, value)
}

function callSql(dialect: SqlDialect, call: Call, operands: readonly string[]): string {
  const name = call.function.slice(0, call.function.indexOf('('))
  const write =
    WRITERS[name] ??
    (dialect.engine === 'duckdb' ? DUCKDB_WRITERS[name] : SPARK_WRITERS[name]) ??
    (BOTH.has(name) || (dialect.engine === 'duckdb' && DUCKDB_SAME.has(name)) ? callOf(name) : undefined)
  if (write === undefined) throw unwritten(dialect, name)
  const text = write(operands, call, dialect)
  return WIDENED.has(name) ? `CAST(${text} AS ${sqlType(dialect, call.type as ValueType)})` : text
}

const infix =
  (symbol: string): Write =>
  (operands) =>
    operands.length === 1 ? `(${symbol}${operands[0]})` : `(${operands.join(` ${symbol} `)})`

const after =
  (words: string): Write =>
  ([operand]) =>
    `(${operand} ${words})`

const callOf =
  (name: string): Write =>
  (operands) =>
    `${name}(${operands.join(', ')})`

const duckdbCast =
  (word: string): Write =>
  ([operand], { type, arguments: [argument] }, dialect) => {
    // x86 makes a negative NaN of 0/0, whose sign the store does not know.
    if (type === 'string' && argument!.type === 'float64')
      return `replace(CAST(${operand} AS VARCHAR), '-nan', 'nan')`
    // A time without an offset is of the session's zone, which is UTC.
    if (type === 'timestamp') return `timezone('UTC', ${word}(${operand} AS TIMESTAMPTZ))`
    return `${word}(${operand} AS ${sqlType(dialect, type as ValueType)})`
  }

/** Casts of Spark that mean what the store's do, but for what has no answer, which is null. */
const SPARK_CASTS =
  /^(bool|int64) (int64|float64|bool)$|^int64 string$|^float64 (bool|int64)$|^string float64$/

const sparkCast: Write = ([operand], { type, arguments: [argument] }, dialect) => {
  const pair = `${argument!.type} ${type}`
  if (!SPARK_CASTS.test(pair)) throw unwritten(dialect, `cast from ${argument!.type} to ${type}`)
  // Spark cuts, the store rounds halves to even.
  const given = pair === 'float64 int64' ? `rint(${operand})` : operand
  return `CAST(${given} AS ${sqlType(dialect, type as ValueType)})`
}

function unwritten({ engine }: SqlDialect, name: string) {
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot write SQL for ${engine}: it has nothing that means what "${name}" does`,
    { function: name },
  )
}

/** What is written alike for both engines. */
const WRITERS: Readonly<Record<string, Write>> = {
  and: infix('AND'),
  or: infix('OR'),
  not: ([operand]) => `(NOT ${operand})`,
  'is null': after('IS NULL'),
  'is true': after('IS TRUE'),
  'is false': after('IS FALSE'),
  'is distinct from': infix('IS DISTINCT FROM'),
  case: (operands) => {
    const pairs = Array.from(
      { length: operands.length >> 1 },
      (_, at) => `WHEN ${operands[2 * at]} THEN ${operands[2 * at + 1]}`,
    )
    const rest = operands.length % 2 === 1 ? ` ELSE ${operands.at(-1)}` : ''
    return `CASE ${pairs.join(' ')}${rest} END`
  },
  between: ([value, low, high]) => `(${value} BETWEEN ${low} AND ${high})`,
  in: ([value, ...items]) => `(${value} IN (${items.join(', ')}))`,
  '=': infix('='),
  '<>': infix('<>'),
  '<': infix('<'),
  '<=': infix('<='),
  '>': infix('>'),
  '>=': infix('>='),
  haversine_km: ([lat1, lon1, lat2, lon2]) => {
    const half = (from: string, to: string) => `power(sin(radians(${to} - ${from}) / 2), 2)`
    const square = `${half(lat1!, lat2!)} + cos(radians(${lat1})) * cos(radians(${lat2})) * ${half(lon1!, lon2!)}`
    return `(2 * 6371.0088 * asin(sqrt(least(1, ${square}))))`
  },
}

/** Functions of one name and meaning in both. */
const BOTH = new Set(
  'abs cbrt ceil floor exp sin cos tan asin acos atan atan2 radians degrees pi coalesce nullif lower upper reverse left right repeat length isnan sign'.split(
    ' ',
  ),
)

/** DuckDB's own, whose meaning the store has taken. */
const DUCKDB_SAME = new Set(
  'greatest least concat contains trunc sqrt ln log log2 log10 isfinite isinf trim ltrim rtrim substring replace split_part starts_with ends_with strpos date_part date_trunc date_diff epoch epoch_ms epoch_us make_timestamp list_value list_contains list_sum list_avg list_min list_max list_dot_product list_cosine_similarity list_distance'.split(
    ' ',
  ),
)

/** Results that an engine gives in another type than the store's. */
const WIDENED = new Set(
  'sign ceil floor length strpos list_sum list_length date_part date_diff epoch trunc round abs'.split(' '),
)

const DUCKDB_WRITERS: Readonly<Record<string, Write>> = {
  cast: duckdbCast('CAST'),
  try_cast: duckdbCast('TRY_CAST'),
  like: ([text, pattern, escapedBy]) =>
    `(${text} LIKE ${pattern}${escapedBy === undefined ? '' : ` ESCAPE ${escapedBy}`})`,
  '+': infix('+'),
  '-': infix('-'),
  '*': infix('*'),
  '/': ([left, right]) => `(CAST(${left} AS DOUBLE) / CAST(${right} AS DOUBLE))`,
  '//': infix('//'),
  '%': infix('%'),
  '^': callOf('power'),
  '||': infix('||'),
  ilike: ([text, pattern, escapedBy]) =>
    `(${text} ILIKE ${pattern}${escapedBy === undefined ? '' : ` ESCAPE ${escapedBy}`})`,
  '[]': ([list, at]) => `list_extract(${list}, ${at})`,
  list_length: callOf('length'),
  round: ([number, decimals]) => `round(${number}${decimals === undefined ? '' : `, ${int32(decimals)}`})`,
  lpad: ([text, length, filling]) => `lpad(${text}, ${int32(length!)}, ${filling})`,
  rpad: ([text, length, filling]) => `rpad(${text}, ${int32(length!)}, ${filling})`,
  to_timestamp: ([seconds]) => `timezone('UTC', to_timestamp(${seconds}))`,
}

/** Some parameters are 32 bits wide in DuckDB. */
function int32(number: string): string {
  return `CAST(${number} AS INTEGER)`
}

/** Arithmetic that overflows gives null in Spark's `try_` functions: the store says `error`, a query cannot. */
const SPARK_WRITERS: Readonly<Record<string, Write>> = {
  cast: sparkCast,
  try_cast: sparkCast,
  // Without an escape of its own, Spark would take the backslash for one.
  like: ([text, pattern, escapedBy]) => `(${text} LIKE ${pattern} ESCAPE ${escapedBy ?? "'\\u0001'"})`,
  greatest: (operands) => (operands.length === 1 ? operands[0]! : `greatest(${operands.join(', ')})`),
  least: (operands) => (operands.length === 1 ? operands[0]! : `least(${operands.join(', ')})`),
  // Spark's is null where any is.
  concat: (operands) => `concat(${operands.map((operand) => `coalesce(${operand}, '')`).join(', ')})`,
  contains: (operands, { arguments: [searched] }) =>
    `${searched!.type === 'string' ? 'contains' : 'array_contains'}(${operands.join(', ')})`,
  '+': arithmetic('+', 'try_add'),
  '-': arithmetic('-', 'try_subtract'),
  '*': arithmetic('*', 'try_multiply'),
  // Spark has no quotient by zero.
  '/': ([left, right]) =>
    `CASE WHEN ${right} <> 0 OR isnan(${right}) THEN ${left} / ${right} WHEN ${left} = 0 OR isnan(${left}) THEN ${right} * CAST('NaN' AS DOUBLE) WHEN ${right} = 0 THEN ${left} * CAST('Infinity' AS DOUBLE) END`,
  '%': ([left, right], { type }) =>
    type === 'int64'
      ? `(${left} % ${right})`
      : `CASE WHEN ${right} = 0 THEN ${left} * CAST('NaN' AS DOUBLE) ELSE ${left} % ${right} END`,
  '^': callOf('power'),
  '||': infix('||'),
  '[]': ([list, at]) => `try_element_at(${list}, CAST(nullif(${at}, 0) AS INT))`,
  list_length: callOf('size'),
  list_value: callOf('array'),
  list_contains: ([list, item]) => `coalesce(array_contains(${list}, ${item}), ${list} IS NULL AND NULL)`,
  list_min: callOf('array_min'),
  list_max: callOf('array_max'),
  sqrt: callOf('sqrt'),
  ln: callOf('ln'),
  log2: callOf('log2'),
  log10: callOf('log10'),
  log: ([first, second]) => (second === undefined ? `log10(${first})` : `log(${first}, ${second})`),
  round: ([number, decimals]) =>
    `round(${number}${decimals === undefined ? '' : `, CAST(${decimals} AS INT)`})`,
  trunc: ([number]) => `CASE WHEN ${number} < 0 THEN ceil(${number}) ELSE floor(${number}) END`,
  isinf: ([number]) => `(abs(${number}) = CAST('Infinity' AS DOUBLE))`,
  isfinite: ([number]) => `(NOT isnan(${number}) AND abs(${number}) <> CAST('Infinity' AS DOUBLE))`,
  trim: ([text, characters]) =>
    characters === undefined ? `trim(${text})` : `trim(BOTH ${characters} FROM ${text})`,
  ltrim: ([text, characters]) =>
    characters === undefined ? `ltrim(${text})` : `trim(LEADING ${characters} FROM ${text})`,
  rtrim: ([text, characters]) =>
    characters === undefined ? `rtrim(${text})` : `trim(TRAILING ${characters} FROM ${text})`,
  replace: callOf('replace'),
  starts_with: callOf('startswith'),
  ends_with: callOf('endswith'),
  strpos: callOf('instr'),
  date_trunc: callOf('date_trunc'),
  epoch: ([time]) => `(unix_micros(${time}) / 1000000)`,
  epoch_us: callOf('unix_micros'),
  make_timestamp: callOf('timestamp_micros'),
}

function arithmetic(symbol: string, ofInt64: string): Write {
  return (operands, call, dialect) => {
    const isInt64 = call.type === 'int64' && operands.length === 2
    return (isInt64 ? callOf(ofInt64) : infix(symbol))(operands, call, dialect)
  }
}
