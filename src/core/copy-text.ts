/**
 * The same text in memory of its own. A piece cut out of a text keeps the whole text alive for as long as it lives
 * itself; one that was put together has to be written anew before anything can be cut out of it.
 */
export function copyText(text: string): string {
  return text.length < PIECE_CHARS_MIN ? text : ` ${text}`.slice(1)
}

/** Shorter pieces are copied by the runtime. */
const PIECE_CHARS_MIN = 13
