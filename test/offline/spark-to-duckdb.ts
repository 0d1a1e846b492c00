/** Spark's words that the export uses, as DuckDB has them: what is left to compare is what the query means. */
export function sparkToDuckdb(sql: string): string {
  const text = sql
    .replaceAll(/^(--.*|SET .*;)$/gm, '')
    .replaceAll(/parquet\.`([^`{]*)\{([^`}]*)\}`/g, (_, base: string, paths: string) =>
      readParquet(paths.split(',').map((path) => base + path)),
    )
    .replaceAll(/parquet\.`([^`]*)`/g, (_, path: string) => readParquet([path]))
    .replaceAll('`', '"')
    .replaceAll('_metadata.file_path, _metadata.row_index', 'filename, file_row_number')
    .replaceAll(/\bstruct\(([^()]*)\)/g, (_, columns: string) => structPack(columns))
    .replaceAll('STRING', 'VARCHAR')
    .replaceAll(/ARRAY<(\w+)>/g, '$1[]')
    .replaceAll(/CAST\(array\(([^)]*)\) AS/g, 'CAST([$1] AS')
    .replaceAll(
      /make_interval\(0, (\d+), 0, (\d+), 0, 0, CAST\((\d+) AS DECIMAL\(20, 0\)\) \/ 1000000\)/g,
      '(to_months($1) + to_days($2) + to_microseconds($3))',
    )
    .replaceAll(/\btransform\((.*?), x -> x\.v\)/g, 'list_transform($1, lambda x: x.v)')
    .replaceAll('array()', '[]')
    .replaceAll(/\barray\(/g, 'list_value(')
    // Spark counts items from 0 in brackets.
    .replaceAll(/\b(c\d+)\[0\]/g, '$1[1]')
    .replaceAll(/\bcollect_list\(/g, 'list(')
  return `${MACROS.join(';\n')};\n${text}`
}

const MACROS = [
  'CREATE OR REPLACE MACRO unix_micros(t) AS epoch_us(t)',
  'CREATE OR REPLACE MACRO timestamp_micros(n) AS make_timestamp(n)',
  'CREATE OR REPLACE MACRO try_add(a, b) AS try(a + b)',
  'CREATE OR REPLACE MACRO try_subtract(a, b) AS try(a - b)',
  'CREATE OR REPLACE MACRO try_multiply(a, b) AS try(a * b)',
  'CREATE OR REPLACE MACRO try_element_at(items, n) AS items[n]',
  "CREATE OR REPLACE MACRO sort_array(items) AS list_sort(items, 'ASC'), (items, up) AS CASE WHEN up THEN list_sort(items, 'ASC') ELSE list_sort(items, 'DESC') END",
  'CREATE OR REPLACE MACRO slice(items, start, n) AS items[start:start + n - 1]',
]

function readParquet(paths: readonly string[]): string {
  return `read_parquet([${paths.map((path) => `'${path}'`).join(', ')}], file_row_number = true, filename = true)`
}

/** `struct(a, b)` and `struct(a AS b)` name their fields. */
function structPack(columns: string): string {
  const fields = columns.split(', ').map((column) => {
    const [value, name] = column.split(' AS ')
    return `${name ?? value} := ${value}`
  })
  return `struct_pack(${fields.join(', ')})`
}
