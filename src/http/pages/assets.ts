import { fingerprint } from '../../definitions/fingerprint.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

export interface Asset {
  /** Names its content: browsers keep it for ever. */
  readonly path: string
  readonly type: string
  readonly text: string
}

const asset = (name: string, type: string, text: string): Asset => {
  const [stem, ending] = name.split('.')
  return { path: `/assets/${stem}-${fingerprint(text).slice(0, 8)}.${ending}`, type, text }
}

/** What pages load beside themselves; nothing comes from another host. */
export const ASSETS = {
  style: asset('catalog.css', 'text/css', STYLE),
  script: asset('catalog.js', 'text/javascript', SCRIPT),
} as const
