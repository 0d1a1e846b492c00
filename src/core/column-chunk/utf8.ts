/** Writes a text as UTF-8 from `start` on and answers where it ends. No UTF-16 unit takes more than three bytes. */
export function encodeUtf8(text: string, bytes: Uint8Array, start: number): number {
  let size = start
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at)
    if (code < 0x80) {
      bytes[size++] = code
      continue
    }
    if (code >= 0xd800 && code < 0xdc00) code = text.codePointAt(at++)!
    if (code < 0x800) bytes[size++] = 0xc0 | (code >>> 6)
    else {
      if (code < 0x10000) bytes[size++] = 0xe0 | (code >>> 12)
      else {
        bytes[size++] = 0xf0 | (code >>> 18)
        bytes[size++] = 0x80 | ((code >>> 12) & 0x3f)
      }
      bytes[size++] = 0x80 | ((code >>> 6) & 0x3f)
    }
    bytes[size++] = 0x80 | (code & 0x3f)
  }
  return size
}

/** The inverse, of bytes `start` to `end` (exclusive). Throws an `Error` where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; ) {
    const first = bytes[at++]!
    if (first < 0x80) {
      text += String.fromCharCode(first)
      continue
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1
    let code = first & (0x3f >>> more)
    if (first < 0xc0 || first >= 0xf8 || at + more > end) throw new Error('a string is not UTF-8')
    for (const last = at + more; at < last; at++) {
      if ((bytes[at]! & 0xc0) !== 0x80) throw new Error('a string is not UTF-8')
      code = (code << 6) | (bytes[at]! & 0x3f)
    }
    if (code > 0x10ffff) throw new Error('a string is not UTF-8')
    text += String.fromCodePoint(code)
  }
  return text
}
