import { FeatureStoreError, invalid } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { formatInstant, type Instant } from '../core/time.ts'
import {
  checkSourceRow,
  checkViewKeys,
  countUnmet,
  parseSourceRow,
  unmetExpectations,
} from '../core/transform.ts'
import { encodeUtf8 } from '../core/utf8.ts'
import { encodeCells } from '../core/value.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { sourceExpectations, viewTransform } from '../definitions/view-transform.ts'
import type { Platform, PushRecord, UnmetCounts } from '../platform.ts'
import { readSnapshotOf } from '../registry/current-snapshot.ts'
import { resolveSource } from '../registry/resolve-name.ts'
import { type EventMessage, encodeMessage, encodeMessages, type MessageRow } from './queue-message.ts'
import { readBacklogRefusal } from './read-backlog-refusal.ts'
import { REPLAY_AGE_MAX_MS } from './writer-platform.ts'

export interface Push {
  readonly source: string
  readonly events: readonly unknown[]
  /** The caller's `Idempotency-Key` and who the caller is. */
  readonly idempotency?: { readonly token: string; readonly key: string } | undefined
}

export interface PushAnswer {
  readonly push_id: string
  readonly accepted: number
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[]
}

/**
 * The push door: checks each row, gives it its ingest time and sequence, and puts it in the queue. A bad row
 * is rejected by index and spoils no other. Throws `not_found` for an unknown source, `limit_exceeded` for
 * too many rows, `unavailable` while the queue's backlog is old.
 */
export async function pushEvents(platform: Platform, push: Push): Promise<PushAnswer> {
  const [{ snapshot, source }, refusal] = await Promise.all([
    resolveSource(platform, push.source),
    readBacklogRefusal(platform),
  ])
  if (push.events.length > LIMITS.pushRowsMax) {
    throw new FeatureStoreError(
      'limit_exceeded',
      `Cannot push ${push.events.length} events: at most ${LIMITS.pushRowsMax} go in one push`,
    )
  }
  const recordId = push.idempotency && pushRecordId(push.source, push.idempotency)
  if (refusal !== undefined) return answerAgain(platform, recordId, refusal)
  const doorTime = platform.clock.now()
  const pushId = platform.nextId()
  if (recordId === undefined) {
    return sendRows(platform, checkRows(snapshot, source, push.events, doorTime), {
      source,
      pushId,
      doorTime,
    })
  }
  const record = await platform.pushes.begin({
    id: recordId,
    pushId,
    doorTime,
    generation: snapshot.generation,
    bodyFingerprint: fingerprint(push.events),
    answer: null,
  })
  return repeatPush(platform, push, record)
}

/**
 * What was answered before costs the queue nothing; what was not leaves no record, so that it is new next
 * time.
 */
async function answerAgain(
  { pushes }: Platform,
  recordId: string | undefined,
  refusal: FeatureStoreError,
): Promise<PushAnswer> {
  const record = recordId === undefined ? undefined : await pushes.find(recordId)
  if (record === undefined || record.answer === null) throw refusal
  return JSON.parse(record.answer) as PushAnswer
}

function pushRecordId(source: string, { token, key }: NonNullable<Push['idempotency']>): string {
  return fingerprint([token, source, key])
}

/**
 * The first body counts: an answered key answers the same again. The same body is sent again, id by id the same,
 * answered or not: what a queue has lost is made good, and what writers have taken they do not take twice (S9).
 */
async function repeatPush(platform: Platform, push: Push, record: PushRecord): Promise<PushAnswer> {
  const isSameBody = record.bodyFingerprint === fingerprint(push.events)
  const isRemembered = platform.clock.now() - record.doorTime <= REPLAY_AGE_MAX_MS * 1_000
  if (record.answer !== null && !(isSameBody && isRemembered)) return JSON.parse(record.answer) as PushAnswer
  if (!isSameBody) {
    throw new FeatureStoreError(
      'failed_precondition',
      'Cannot push under this Idempotency-Key: its first request carried another body and has not been answered, repeat that one',
    )
  }
  // Writers may have forgotten its ids: sent again, rows that came through would stand in the log twice (S9).
  if (!isRemembered) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot push under this Idempotency-Key: its first request was on ${formatInstant(record.doorTime)} and was never answered, too long ago to be repeated; push under another`,
    )
  }
  const snapshot = await readSnapshotOf(platform, record.generation, { sources: [push.source] })
  const source = snapshot.sources[push.source]
  if (source === undefined) throw invalid(`Cannot push to "${push.source}": the source was dropped meanwhile`)
  const checked = checkRows(snapshot, source, push.events, record.doorTime)
  const answer = await sendRows(platform, checked, {
    source,
    pushId: record.pushId,
    doorTime: record.doorTime,
  })
  if (record.answer === null) await platform.pushes.finish(record.id, encodeAnswer(answer))
  return answer
}

/** Bytes of an answer that is kept: a row of D1 holds at most 2 MB. */
const ANSWER_BYTES_MAX = 1_900_000
/** So much of each message, of 10,000 in characters of three bytes, fits. */
const SHORT_MESSAGE_CHARS = 40

/** As it is kept. Of very many rejected rows the messages are cut: who repeats the body is told them whole again. */
function encodeAnswer(answer: PushAnswer): string {
  const text = JSON.stringify(answer)
  if (encodeUtf8(text).length <= ANSWER_BYTES_MAX) return text
  const rejected = answer.rejected.map((row) => ({
    ...row,
    message: row.message.slice(0, SHORT_MESSAGE_CHARS),
  }))
  return JSON.stringify({ ...answer, rejected })
}

interface CheckedRows {
  readonly rows: readonly MessageRow[]
  readonly rejected: PushAnswer['rejected']
  readonly unmet: UnmetCounts
}

function checkRows(
  snapshot: Snapshot,
  source: CompiledSource,
  events: readonly unknown[],
  doorTime: Instant,
): CheckedRows {
  const views = source.views.map((id) => viewTransform(snapshot, snapshot.views[id]!))
  const expectations = sourceExpectations(source)
  const rows: MessageRow[] = []
  const rejected: { index: number; code: string; message: string }[] = []
  const counts: Record<string, number> = {}
  events.forEach((event, index) => {
    try {
      const values = parseSourceRow(source, event)
      checkSourceRow(source, values, doorTime)
      const unmet = unmetExpectations(expectations, values, 'reject')
      countUnmet(counts, unmet)
      if (unmet.length > 0) throw invalid(unmet[0]!.reason)
      for (const view of views) checkViewKeys(view, values)
      const cells = encodeCells(source.columns, values)
      if (cells.length > LIMITS.rowCharsMax) {
        throw new FeatureStoreError(
          'limit_exceeded',
          `The row is ${cells.length} characters long: at most ${LIMITS.rowCharsMax} are taken`,
        )
      }
      rows.push({ index, cells })
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      rejected.push({ index, code: error.code, message: error.message })
    }
  })
  return { rows, rejected, unmet: counts }
}

async function sendRows(
  platform: Platform,
  { rows, rejected, unmet }: CheckedRows,
  {
    source,
    pushId,
    doorTime,
  }: { readonly source: CompiledSource; readonly pushId: string; readonly doorTime: Instant },
): Promise<PushAnswer> {
  const columns = source.columns.map(({ name }) => name)
  const head = { kind: 'events', source: source.name, pushId, doorTime, columns } as const
  const messages = encodeMessages<EventMessage>(head, rows)
  // Counted where the others are, by the consumer: the door writes nothing.
  if (Object.keys(unmet).length > 0)
    messages.push(encodeMessage({ ...head, id: `${pushId}.rejected`, rejected: unmet, rows: [] }))
  await platform.events.send(messages)
  return { push_id: pushId, accepted: rows.length, rejected }
}
