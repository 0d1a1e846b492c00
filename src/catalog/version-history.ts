import type { Instant } from '../core/time.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import { fillJobId, viewId } from '../definitions/transition.ts'
import type { Generation, Platform } from '../platform.ts'
import { diffGenerations, type FieldDiff } from '../registry/diff-generations.ts'
import type { Catalog } from './catalog.ts'
import { liveVersions } from './view-versions.ts'

/** A version of a view beside the others, as its page shows it. */
export interface VersionReport {
  readonly version: number
  /** `past` is kept up no more: its log stays, nothing is added. */
  readonly state: 'served' | 'filling' | 'past'
  /** The generation that made it, when, and the id of who applied that. */
  readonly generation: number
  readonly appliedTime: Instant
  readonly author: string
  /** Rows of its log. */
  readonly rowCount: number
  /** Of the job that fills it; absent when none does. */
  readonly progress?: { readonly done: number; readonly total: number }
  /** What differs from the version before, field by field; none of the first, and of one made anew by a rebuild. */
  readonly details: readonly FieldDiff[]
}

/** Each of them costs a read of all definitions of its generation. */
const VERSIONS_MAX = 5

/** The newest versions of a view, newest first, and what changed from each to the next. */
export async function versionHistory(
  platform: Platform,
  catalog: Catalog,
  view: string,
): Promise<{ readonly versions: readonly VersionReport[]; readonly isWhole: boolean }> {
  const records = await platform.registry.listVersions(view)
  const read = await Promise.all(
    records
      .slice(0, VERSIONS_MAX + 1)
      .map(async (record) => ({ ...record, made: await platform.registry.read(record.generation) })),
  )
  const live = new Map(liveVersions(catalog, view).map(({ version, state }) => [version, state]))
  const versions = await Promise.all(
    read.slice(0, VERSIONS_MAX).map(async ({ version, generation, made }, at): Promise<VersionReport> => {
      const id = viewId(view, version)
      const [log, job] = await Promise.all([
        platform.offline.list(view, version),
        platform.jobRecords.find(fillJobId(id)),
      ])
      const state = live.get(version) ?? 'past'
      return {
        version,
        state,
        generation,
        appliedTime: made?.appliedTime ?? 0,
        author: made?.author ?? '',
        rowCount: log.reduce((sum, { rowCount }) => sum + rowCount, 0),
        ...(state === 'filling' && job !== undefined
          ? { progress: { done: job.done, total: job.total } }
          : {}),
        details: detailsOf(view, read[at + 1]?.made, made),
      }
    }),
  )
  return { versions, isWhole: records.length <= VERSIONS_MAX }
}

/** What the view itself says otherwise, and the definitions that it is made of. */
function detailsOf(view: string, before: Generation | undefined, after: Generation | undefined): FieldDiff[] {
  if (before === undefined || after === undefined) return []
  const { source, entity } = viewOf(after.definitions, view) ?? {}
  const own = new Map([
    [`feature_view/${view}`, ''],
    [`source/${source}`, 'source '],
    [`entity/${entity}`, 'entity '],
  ])
  return diffGenerations(before, after).flatMap(({ object, details }) => {
    const prefix = own.get(object)
    return prefix === undefined ? [] : details.map((detail) => ({ ...detail, field: prefix + detail.field }))
  })
}

function viewOf({ feature_views }: DefinitionSet, view: string) {
  return feature_views.find(({ name }) => name === view)
}
