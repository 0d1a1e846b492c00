import type { WriterPlatform } from './writer-platform.ts'
import type { WriterStorage } from './writer-storage.ts'

/**
 * A writer's storage beside the memory that is made from it. A statement that fails may come amid a change of memory: from then on
 * nothing that was made from it is written, until it has been made anew.
 */
export interface WatchedStorage {
  readonly storage: WriterStorage
  /** A change of memory and storage. Where it throws, memory is made anew, at once if storage can be read. */
  change<T>(work: () => T): T
  /** Makes memory anew where it may differ from what is stored. Throws what storage throws. */
  mend(): void
}

export function watchStorage(
  { storage, log }: Pick<WriterPlatform, 'storage' | 'log'>,
  makeAnew: () => void,
): WatchedStorage {
  let isBehind = false

  const watch =
    (name: string, method: (...given: never[]) => unknown) =>
    (...given: never[]) => {
      if (isBehind && !/^(read|list)/.test(name))
        throw new Error('Storage has failed: nothing is written before it has been read again')
      try {
        return method(...given)
      } catch (error) {
        isBehind = true
        throw error
      }
    }

  function mend(): void {
    if (!isBehind) return
    makeAnew()
    isBehind = false
  }

  /** At once, for work that waits for a store goes on with what is in memory; else whoever calls next does. */
  function mendIfPossible(): void {
    try {
      mend()
    } catch (error) {
      log.error('A writer cannot read its storage; it tries again when it is next called', {
        reason: String(error),
      })
    }
  }

  const methods = Object.entries(storage).map(([name, method]) => [name, watch(name, method)])
  return {
    storage: Object.fromEntries(methods),
    mend,
    change(work) {
      mend()
      try {
        return work()
      } catch (error) {
        isBehind = true
        mendIfPossible()
        throw error
      }
    },
  }
}
