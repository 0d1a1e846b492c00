/** A stream of bytes; each runtime brings its own class. */
export type ReadableStream = unknown
