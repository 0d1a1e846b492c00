/** Columns every log row has beside join keys and features; no key or feature may take these names. */
export const STAMP_COLUMNS = [
  'event_time',
  'created_time',
  'ingest_time',
  'sequence_time',
  'sequence_origin',
  'sequence_index',
] as const

/**
 * The commit of each row, in segments that compaction made of several (S5); in any other, the manifest's commit is that
 * of all rows. No key or feature may take its name.
 */
export const COMMIT_COLUMN = 'commit'
