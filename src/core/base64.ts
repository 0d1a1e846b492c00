// Standard in every runtime the store meets; the pure layers are compiled without any runtime's types.
declare function atob(text: string): string
declare function btoa(text: string): string

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Bytes as standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** The inverse of `encodeBase64`; undefined when the text is not strict, padded base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return BASE64.test(text) ? Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0)) : undefined
}
