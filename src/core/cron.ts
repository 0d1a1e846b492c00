import { Cron } from 'croner'
import { invalid } from './error.ts'
import type { Instant } from './time.ts'

/**
 * The first minute after `time` that a cron expression names (five fields, UTC); null when there is none. Throws
 * `invalid_argument` for what is no such expression.
 */
export function nextCronTime(expression: string, time: Instant): Instant | null {
  let cron: Cron
  try {
    cron = new Cron(expression, { mode: '5-part', utcOffset: 0, paused: true })
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, '')
    throw invalid(`Cannot read schedule "${expression.slice(0, 64)}": ${reason}`)
  }
  const next = cron.nextRun(new Date(Math.floor(time / 1_000)))
  return next === null || next === undefined ? null : next.getTime() * 1_000
}
