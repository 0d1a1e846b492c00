/** Where an item of an array stands in a text: from its brace to behind it. */
export interface JsonItem {
  readonly start: number
  readonly end: number
}

/**
 * The objects in arrays two levels deep under a member of a JSON object, by the name of their array: of `{"a":{"b":[{…},{…}]}}` those of
 * `b`, for `a`. Strings are stepped over and nothing is checked: the text may be no JSON at all. Undefined where names stand twice, or
 * something else than an object is in an array.
 */
export function findItems(
  text: string,
  member: string,
): ReadonlyMap<string, readonly JsonItem[]> | undefined {
  const found = new Map<string, JsonItem[]>()
  /** The last string at the first level, and at the second: a name once a colon has followed. */
  const names = ['', '']
  let hasMember = false
  let items: JsonItem[] | undefined
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (items !== undefined && depth === 3) return undefined
      if (depth === 1 || depth === 2) names[depth - 1] = text.slice(at + 1, end)
      at = end
    } else if (code === BRACE || code === BRACKET) {
      depth++
      const isInMember = depth > 1 && names[0] === member
      if (depth === 2 && isInMember) {
        if (hasMember || code !== BRACE) return undefined
        hasMember = true
      }
      if (depth === 3 && isInMember) {
        if (found.has(names[1]!) || code !== BRACKET) return undefined
        items = []
        found.set(names[1]!, items)
      }
      if (depth === 4 && items !== undefined) {
        if (code !== BRACE) return undefined
        start = at
      }
    } else if (code === BRACE_END || code === BRACKET_END) {
      if (depth === 4 && items !== undefined) items.push({ start, end: at + 1 })
      if (depth === 3) items = undefined
      depth--
    } else if (depth === 3 && items !== undefined && code > SPACE && code !== COMMA) return undefined
  }
  return found
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const SPACE = 0x20
const BRACKET = 0x5b
const BRACKET_END = 0x5d
const BRACE = 0x7b
const BRACE_END = 0x7d

/** Position of the quote that ends the string which begins at a quote; the end of the text where none does. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at)
    if (at < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at
  }
}
