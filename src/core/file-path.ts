import { invalid } from './error.ts'

const PATH_CHARS_MAX = 500

/** Refuses names of files that could leave their folder. Throws `invalid_argument`. */
export function checkFilePath(path: string): void {
  const parts = path.split('/')
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (!isPlain || path.length > PATH_CHARS_MAX || !path.isWellFormed()) {
    throw invalid(
      `Cannot take file name "${path.slice(0, 64)}": it is empty, too long or has an empty, "." or ".." part`,
    )
  }
}
