import * as z from 'zod'
import { parseDuration } from '../core/time.ts'
import { VALUE_TYPES } from '../core/value.ts'

/** Name of an entity, source, view or service. */
export const Name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'a name is a lower-case letter, then letters, digits and _, at most 63')

/** Name of a column, join key or feature: whatever a SQL identifier may be without quotes. */
export const ColumnName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
    'a column name is a letter or _, then letters, digits and _, at most 128',
  )

/** `"90s" "10m" "24h" "7d"`. */
export const Duration = z.string().superRefine((text, context) => {
  try {
    parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

export const Type = z.enum(VALUE_TYPES)

/** A SQL scalar expression over the columns of a source row. */
export const SqlExpression = z.string().min(1).max(10_000)

/** What every definition may say of itself; changing it moves no data. */
export const About = {
  description: z.string().max(10_000).default(''),
  owner: z.string().max(200).default(''),
  tags: z.record(z.string().max(63), z.string().max(255)).default({}),
}
