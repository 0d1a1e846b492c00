/**
 * Every bound on what comes from outside, in one place. `docs/operations.md` lists them for users; a test holds
 * the two together.
 */
export const LIMITS = {
  /** Bytes of a JSON or NDJSON request body. */
  bodyBytesMax: 5_000_000,
  /** Rows of one push. */
  pushRowsMax: 10_000,
  /** Characters of one pushed row as JSON texts: it has to fit a queue message. */
  rowCharsMax: 48_000,
  /** Characters of the names of a source's columns, together, for it to be pushed to: each queue message, 128 kB at most, carries them. */
  columnNamesCharsMax: 50_000,
  /** Characters of what a view makes of one pushed row, as JSON texts: a row of a writer's SQLite holds 2 MB. */
  viewRowCharsMax: 1_000_000,
  /** Characters of an entity's key as JSON texts, whichever door it comes through. */
  keyCharsMax: 4_096,
  /** Keys of one deletion. */
  deletionKeysMax: 10_000,
  /** Views one deletion names. */
  deletionViewsMax: 100,
  /** Entities of one BatchGet. */
  batchGetEntitiesMax: 1_000,
  /** Blocks read for one Get or BatchGet: bounds its KV operations (100 keys each) and the memory they fill. */
  readBlocksMax: 4_000,
  /** Characters of a compiled service with all that it reads: a pack holds a few, and KV 25 MB under a key. */
  serviceCharsMax: 1_000_000,
  /** Label rows of one inline historical retrieval. */
  historicalLabelsMax: 10_000,
  /** Definitions of one kind in a set. */
  definitionsMax: 2_000,
  /** Columns of a source, features of a view, entries of a service. */
  columnsMax: 2_000,
  /** Milliseconds the oldest message may wait in the queue before pushes are refused as `unavailable`. */
  backlogAgeMaxMs: 300_000,
  /** Messages that make a backlog: a few that fail and come again are old, too, and hold up nobody. */
  backlogMessagesMin: 100,
  /** Characters of an `Idempotency-Key` header. */
  idempotencyKeyCharsMax: 255,
  /** Bytes of one landing file sent through the API (an S3 client may land larger ones). */
  landingFileBytesMax: 5_000_000_000,
  /** Bytes of a column of a landed Parquet row group that are fetched at once; of a larger one, the pages needed. */
  parquetColumnBytesMax: 32_000_000,
  /** Bytes of a page of a landed Parquet file, decompressed. */
  parquetPageBytesMax: 32_000_000,
  /** Landing files one call or one Cron tick turns into loads. */
  loadsPerCallMax: 200,
  /** Batches of quarantine of one page of their list, or of one release. */
  quarantineBatchesMax: 100,
  /** Characters of a token's name. */
  tokenNameCharsMax: 200,
  /** Names a token is limited to. */
  tokenNamesMax: 100,
  /** Characters of a search. */
  searchCharsMax: 200,
  /** Results of one search. */
  searchResultsMax: 500,
  /** Bytes of one label file sent through the API (an S3 client may put larger ones). */
  labelFileBytesMax: 5_000_000_000,
  /** Characters of the name of a training dataset. */
  datasetNameCharsMax: 200,
  /** Training datasets, and schedules, of one page of their list. */
  datasetsPageMax: 100,
  /** Training datasets that lineage knows, the newest. */
  lineageDatasetsMax: 1_000,
  /** Keys of one erasure. */
  erasureKeysMax: 1_000,
  /** Bytes of a landing or label file that an erasure rewrites; a larger one is named in its report. */
  erasedFileBytesMax: 100_000_000,
  /** Definitions of one page of their list. */
  definitionsPageMax: 1_000,
  /** Tokens of one page of their list. */
  tokensPageMax: 1_000,
  /** Generations of one page of their list. */
  generationsPageMax: 1_000,
  /** Jobs, and refused files, of one page of their list. */
  jobsPageMax: 1_000,
  /** Dead letters of one page of their list. */
  deadLettersPageMax: 1_000,
  /** Dead letters one call replays. */
  replaysPerCallMax: 500,
  /** Rows that one call of a view's own Worker is given, those of one message at least. */
  transformRowsMax: 5_000,
  /** Characters of the source rows in such a call, those of one message at least. */
  transformCharsMax: 2_000_000,
  /** Such calls that one batch of messages makes: the platform allows an invocation 32. */
  transformCallsMax: 30,
  /** Milliseconds such a call may take. */
  transformTimeoutMs: 30_000,
  /** Characters of one SQL expression. */
  expressionCharsMax: 10_000,
  /** Levels of nesting of one SQL expression; each operator of a chain is one, but those of `and` and `or`. */
  expressionDepthMax: 250,
  /** Operands, operators and calls of one SQL expression. */
  expressionNodesMax: 2_000,
  /** UTF-16 units of a string that an SQL expression makes of others. */
  expressionStringCharsMax: 100_000,
  /** Items of a list that an SQL expression makes of others. */
  expressionListItemsMax: 10_000,
  /** UTF-16 units of a pattern of `like`: matching takes at most their number times that of the text. */
  likePatternCharsMax: 1_000,
} as const
