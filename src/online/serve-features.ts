import type { Value } from '../core/value.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { type ResolvedService, resolveInNewest, resolveService } from '../registry/resolve-name.ts'
import { computeRows } from './compute-rows.ts'
import { projectService } from './project-service.ts'
import type { Consistency } from './read-blocks.ts'
import { addCosts } from './read-cost.ts'
import { type FeatureRows, readFeatures } from './read-features.ts'

/** A request of Get or BatchGet, read under whatever generation it is answered from. */
export interface FeatureRequest {
  /** Values of the service's inputs, row by row. Throws `invalid_argument`. */
  parseRows(service: CompiledService): readonly (readonly Value[])[]
  /** Names of the features wanted, in order; undefined for all of the service. */
  readonly features: readonly string[] | undefined
  readonly consistency: Consistency
}

/** Feature vectors and what they are made under: `service` is as it was asked for. */
export interface ServedFeatures extends FeatureRows, ResolvedService<ServedGeneration> {}

/** Answers a request to the service of that name, all of it under one generation (S30). Throws `not_found`. */
export async function serveFeatures(
  platform: Platform,
  name: string,
  request: FeatureRequest,
): Promise<ServedFeatures> {
  const served = await serveUnder(platform, await resolveService(platform, name), request)
  if (!served.isOutdated) return served
  const newest = await serveUnder(platform, await resolveInNewest(platform, name), request)
  return { ...newest, cost: addCosts(served.cost, newest.cost) }
}

async function serveUnder(
  platform: Platform,
  { snapshot, service }: ResolvedService<ServedGeneration>,
  { parseRows, features, consistency }: FeatureRequest,
): Promise<ServedFeatures> {
  const rows = parseRows(service)
  const wanted = features === undefined ? service : projectService(service, features)
  const resolved = { snapshot, service: wanted }
  const read = await readFeatures(platform, resolved, { rows, consistency })
  if (wanted.onDemand === null) return { ...resolved, ...read }
  const computed = computeRows(snapshot, wanted.onDemand, { inputs: rows, read })
  return { ...resolved, ...read, rows: computed }
}
