import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Backlog, Platform } from '../platform.ts'

/** How long an isolate goes on with the backlog it has read. */
const REREAD_MS = 5_000
/** How long it does without one after a failed read: so often at most is the failure logged. */
const FAILED_REREAD_MS = 60_000
/** When a refused caller does well to try again. */
const RETRY_AFTER_S = 30

/**
 * The refusal of anything more for the queue while its backlog is old; undefined while it is not. A backlog
 * that cannot be read holds up nobody.
 */
export async function readBacklogRefusal(platform: Platform): Promise<FeatureStoreError | undefined> {
  const backlog = await readBacklog(platform)
  if (backlog === undefined || backlog.oldestTime === null) return undefined
  const ageMs = (platform.clock.now() - backlog.oldestTime) / 1_000
  if (ageMs <= LIMITS.backlogAgeMaxMs || backlog.messageCount < LIMITS.backlogMessagesMin) return undefined
  return new FeatureStoreError(
    'unavailable',
    `Cannot take anything in: the queue's oldest message has waited ${Math.floor(ageMs / 1_000)} s, more than ${LIMITS.backlogAgeMaxMs / 1_000} s; try again in ${RETRY_AFTER_S} s`,
    { backlog_messages: backlog.messageCount, retry_after_s: RETRY_AFTER_S },
  )
}

/** Remembered by the isolate, so that a push seldom waits for it. */
async function readBacklog({ memory, clock, events, log }: Platform): Promise<Backlog | undefined> {
  const nowMs = clock.now() / 1_000
  if (memory.backlog !== undefined && nowMs < memory.backlog.rereadMs) return memory.backlog.found
  try {
    const found = await events.readBacklog()
    memory.backlog = { found, rereadMs: nowMs + REREAD_MS }
    return found
  } catch (error) {
    memory.backlog = { found: undefined, rereadMs: nowMs + FAILED_REREAD_MS }
    log.error("The queue's backlog cannot be read; pushes are taken whatever it is", {
      reason: String(error),
    })
    return undefined
  }
}
