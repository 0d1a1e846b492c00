// Standard in every runtime the store meets; the pure layers are compiled without any runtime's types.
declare class TextDecoder {
  constructor(label: string, options: { readonly fatal: boolean; readonly ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** From so many bytes on the runtime's decoder is faster: put together unit by unit, a text becomes a tree. */
const DECODER_BYTES_MIN = 12

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
  if (end - start >= DECODER_BYTES_MIN) return decodeLong(bytes.subarray(start, end))
  let text = ''
  for (let at = start; at < end; at++) {
    // Anything but ASCII is for the decoder, which knows what UTF-8 forbids.
    if (bytes[at]! >= 0x80) return decodeLong(bytes.subarray(start, end))
    text += String.fromCharCode(bytes[at]!)
  }
  return text
}

function decodeLong(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Error('a string is not UTF-8')
  }
}
