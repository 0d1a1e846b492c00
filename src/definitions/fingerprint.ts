import { hash128, hashLongText } from '../core/hash.ts'
import { asciiJson, canonicalJson, encodeAsciiString } from '../core/json.ts'
import type { OnDemandView } from './on-demand-view.ts'

/** 128 bits in hex of anything that is JSON; equal for equal content, whatever the order of its members. */
export function fingerprint(content: unknown): string {
  return hashText(encodeAsciiString(canonicalJson(content)))
}

/** 128 bits in hex of a JSON text as it stands, or with what is not ASCII escaped. */
export function hashText(json: string): string {
  return hexOf(hashLongText(json) ?? hash128(asciiJson(json)))
}

function hexOf(words: readonly number[]): string {
  return words.map((word) => word.toString(16).padStart(8, '0')).join('')
}

/** Fingerprint of all that decides what an on-demand view takes and gives; descriptions, owners and tags do not. */
export function onDemandFingerprint({ inputs, features }: OnDemandView): string {
  return fingerprint({ inputs, features: features.map(({ name, type, sql }) => ({ name, type, sql })) })
}
