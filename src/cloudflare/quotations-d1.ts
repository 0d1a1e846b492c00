import { type SQL, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import { QUOTATION_ERASED, type Quotations } from '../platform.ts'

/** Columns that are a sentence. */
const SENTENCES = [
  ['loads', 'error'],
  ['jobs', 'error'],
  ['dead_letters', 'reason'],
  ['message_failures', 'reason'],
  ['quarantine', 'reason'],
] as const

/** Columns of JSON in which a list holds objects with a `message`. */
const LISTS = [
  ['load_chunks', 'content', '$.rejections'],
  ['pushes', 'answer', '$.rejected'],
] as const

/** Reads the tables whole: it is for erasures, which are rare. */
export function quotationsD1(db: DrizzleD1Database): Quotations {
  return {
    async erase(quoted) {
      const quotes = JSON.stringify(quoted)
      let erased = 0
      for (const [table, column] of SENTENCES) {
        const [name, text] = [sql.identifier(table), sql.identifier(column)]
        const { meta } = await db.run(
          sql`UPDATE ${name} SET ${text} = ${QUOTATION_ERASED} WHERE ${isQuoted(sql`${text}`, quotes)}`,
        )
        erased += meta.changes
      }
      for (const [table, column, path] of LISTS) {
        const [name, json] = [sql.identifier(table), sql.identifier(column)]
        const message = sql`(item.value ->> 'message')`
        const { meta } = await db.run(
          sql`UPDATE ${name} SET ${json} = json_set(${json}, ${path}, json((SELECT json_group_array(json(
              CASE WHEN ${isQuoted(message, quotes)} THEN json_set(item.value, '$.message', ${QUOTATION_ERASED})
              ELSE item.value END)) FROM json_each(${json}, ${path}) AS item)))
            WHERE EXISTS (SELECT 1 FROM json_each(${json}, ${path}) AS item WHERE ${isQuoted(message, quotes)})`,
        )
        erased += meta.changes
      }
      return erased
    },
  }
}

/** A number counts where no digit stands beside it. */
function isQuoted(sentence: SQL, quotes: string): SQL {
  const text = sql`(quote.value ->> 'text')`
  return sql`EXISTS (SELECT 1 FROM json_each(${quotes}) AS quote WHERE CASE WHEN quote.value ->> 'isNumber'
    THEN ' ' || ${sentence} || ' ' GLOB '*[^0-9.-]' || ${text} || '[^0-9]*'
    ELSE instr(${sentence}, ${text}) > 0 END)`
}
