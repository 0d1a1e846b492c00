import { Hono } from 'hono'
import * as z from 'zod'
import { LIMITS } from '../../core/limits.ts'
import { formatInstant } from '../../core/time.ts'
import { DefinitionSet, EMPTY_DEFINITIONS } from '../../definitions/definition-set.ts'
import { applyChanges, planApply } from '../../registry/apply-changes.ts'
import { CHANGE_IMPACTS } from '../../registry/effect.ts'
import { listGenerations } from '../../registry/list-generations.ts'
import { proposeAgain, readProposal } from '../../registry/read-proposal.ts'
import type { Http } from '../context.ts'
import { numberParameter } from '../number-parameter.ts'
import { checkJson, readText } from '../read-body.ts'
import { readQuery } from '../read-query.ts'
import { EXAMPLE_DEFINITIONS, type RouteDescription } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  before: numberParameter(1, Number.MAX_SAFE_INTEGER).optional().describe('Only generations before this one'),
  limit: numberParameter(1, LIMITS.generationsPageMax).default(100).describe('Generations at most'),
})

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

  routes.get('/definitions', refuseQuery, async (c) => {
    const newest = await c.var.platform.registry.read()
    return c.json({
      generation: newest?.generation ?? 0,
      definitions: newest?.definitions ?? EMPTY_DEFINITIONS,
    })
  })

  routes.get('/generations', async (c) => {
    const { before, limit } = readQuery(c, ListQuery)
    const { page, next } = await listGenerations(c.var.platform, { before, countMax: limit })
    return c.json({
      generations: page.map(({ generation, appliedTime, author }) => ({
        generation,
        applied_at: formatInstant(appliedTime),
        author,
      })),
      ...(next === undefined ? {} : { next }),
    })
  })

  routes.post('/definitions/plan', refuseQuery, async (c) => {
    const check = (json: unknown) => checkJson(json, PlanRequest)
    const { proposal } = await readProposal(c.var.platform, await readText(c), check)
    return c.json(await planApply(c.var.platform, proposal!))
  })

  routes.post('/definitions/apply', refuseQuery, async (c) => {
    const { platform } = c.var
    const check = (json: unknown) => checkJson(json, ApplyRequest)
    const { body, proposal } = await readProposal(platform, await readText(c), check)
    const applied = await applyChanges(
      platform,
      proposal ?? (await proposeAgain(platform, body.generation!)),
      {
        expectedGeneration: body.expected_generation,
        allowBreaking: body.allow_breaking,
        author: c.var.caller,
      },
    )
    return c.json(applied)
  })

  return routes
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeDefinitionRoutes(): readonly RouteDescription[] {
  const Change = z.object({
    action: z.enum(['create', 'update', 'delete']),
    object: z.string(),
    details: z.array(z.string()),
    impact: z.enum(CHANGE_IMPACTS),
    consequences: z.array(z.string()),
    breaking: z.boolean(),
  })

  const Applied = z.object({
    generation: z.int(),
    changes: z.array(Change),
    warnings: z.array(z.string()),
  })

  const Fill = z.object({
    object: z.string(),
    row_count: z.int(),
    kv_puts_max: z.int(),
    dollars_max: z.number(),
  })
  return [
    {
      method: 'get',
      path: '/definitions',
      summary: 'The newest generation and its definitions',
      status: 200,
      answer: z.object({ generation: z.int(), definitions: DefinitionSet }),
      example: {},
    },
    {
      method: 'get',
      path: '/generations',
      summary: 'Generations, newest first, a page at a time',
      query: ListQuery,
      status: 200,
      answer: z.object({
        generations: z.array(z.object({ generation: z.int(), applied_at: z.string(), author: z.string() })),
        next: z.int().optional().describe('`before` of the next page; absent where there is none'),
      }),
      example: { query: { limit: '10' } },
    },
    {
      method: 'post',
      path: '/definitions/plan',
      summary: 'What apply would do; changes nothing',
      body: z.strictObject({ ...PlanRequest.shape, definitions: DefinitionSet }),
      status: 200,
      answer: Applied.extend({ fills: z.array(Fill) }),
      refusals: ['failed_precondition', 'limit_exceeded'],
      example: { body: { definitions: EXAMPLE_DEFINITIONS } },
    },
    {
      method: 'post',
      path: '/definitions/apply',
      summary: 'Puts a set of definitions, or an earlier generation, in force',
      body: z.strictObject({ ...ApplyRequest.shape, definitions: DefinitionSet.optional() }),
      status: 200,
      answer: Applied,
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: { body: { definitions: EXAMPLE_DEFINITIONS, expected_generation: 1 } },
    },
  ]
}
