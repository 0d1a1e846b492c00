const DEFAULT_PARTITION = '__HIVE_DEFAULT_PARTITION__'

/** What a path in Hive's style says of every row of a file: `dt=2026-01-01/x.parquet` has `dt`. Null as Hive spells it. */
export function partitionValues(fileName: string): ReadonlyMap<string, string | null> {
  const folders = fileName.split('/').slice(0, -1)
  return new Map(
    folders.flatMap((folder): [string, string | null][] => {
      const equals = folder.indexOf('=')
      if (equals < 1) return []
      const text = decodeName(folder.slice(equals + 1))
      return [[decodeName(folder.slice(0, equals)), text === DEFAULT_PARTITION ? null : text]]
    }),
  )
}

/** Writers escape what a path cannot hold, as `%2F`; what is no escape stays as it is. */
function decodeName(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
