import { Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError } from '../../core/error.ts'
import { formatInstant } from '../../core/time.ts'
import { EMPTY_DEFINITIONS } from '../../definitions/definition-set.ts'
import type { Platform } from '../../platform.ts'
import { applyChanges, planApply } from '../../registry/apply-changes.ts'
import { parseDefinitions } from '../../registry/plan-changes.ts'
import type { Http } from '../context.ts'
import { readJson } from '../read-body.ts'

const PlanRequest = z.strictObject({
  definitions: z.unknown().refine((given) => given !== undefined, 'it is needed'),
})

const ApplyRequest = z
  .strictObject({
    definitions: z.unknown().optional(),
    /** An earlier generation to apply again. */
    generation: z.int().min(1).optional(),
    expected_generation: z.int().min(0).optional(),
    allow_breaking: z.boolean().default(false),
  })
  .refine(
    (body) => (body.definitions === undefined) !== (body.generation === undefined),
    'either definitions or generation is needed',
  )

/** Definitions: what is in force, what a change would do, doing it. */
export function definitionRoutes() {
  const routes = new Hono<Http>()

  routes.get('/definitions', async (c) => {
    const newest = await c.var.platform.registry.read()
    return c.json({
      generation: newest?.generation ?? 0,
      definitions: newest?.definitions ?? EMPTY_DEFINITIONS,
    })
  })

  routes.get('/generations', async (c) => {
    const generations = await c.var.platform.registry.list()
    return c.json({
      generations: generations.map(({ generation, appliedTime, author }) => ({
        generation,
        applied_at: formatInstant(appliedTime),
        author,
      })),
    })
  })

  routes.post('/definitions/plan', async (c) => {
    const { definitions } = await readJson(c, PlanRequest)
    return c.json(await planApply(c.var.platform, parseDefinitions(definitions)))
  })

  routes.post('/definitions/apply', async (c) => {
    const body = await readJson(c, ApplyRequest)
    const { platform } = c.var
    const wanted =
      body.generation === undefined ? body.definitions : await readDefinitions(platform, body.generation)
    const applied = await applyChanges(platform, parseDefinitions(wanted), {
      expectedGeneration: body.expected_generation,
      allowBreaking: body.allow_breaking,
      author: c.var.caller,
    })
    return c.json(applied)
  })

  return routes
}

async function readDefinitions(platform: Platform, generation: number) {
  const found = await platform.registry.read(generation)
  if (found === undefined) {
    throw new FeatureStoreError(
      'not_found',
      `Cannot apply generation ${generation}: there is none of that number`,
    )
  }
  return found.definitions
}
