import { Hono } from 'hono'
import * as z from 'zod'
import { readAuthorNames } from '../../auth/author-names.ts'
import { cancelJob } from '../../batch/cancel-job.ts'
import { describeJob, listJobs } from '../../batch/describe-job.ts'
import { describeLoad } from '../../batch/describe-load.ts'
import { readCatalog } from '../../catalog/read-catalog.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { releaseQuarantine } from '../../ingest/release-quarantine.ts'
import { replayDeadLetters } from '../../ingest/replay-dead-letters.ts'
import { type DatasetReport, describeDataset, listDatasets } from '../../offline/describe-dataset.ts'
import { removeScratch } from '../../offline/make-dataset.ts'
import { cutPage, type Platform } from '../../platform.ts'
import { diffGenerations } from '../../registry/diff-generations.ts'
import { listGenerations } from '../../registry/list-generations.ts'
import type { Http } from '../context.ts'
import { decodeCursor, decodeCursors, nextOf, nextOfAll } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readQuery } from '../read-query.ts'
import { sendFile } from '../send-file.ts'
import { type FailurePlaces, Failures } from './failures-page.tsx'
import { GenerationDiff, Generations } from './generation-pages.tsx'
import { ListTurner } from './page-turner.tsx'
import { formToken, readForm } from './session.ts'
import { show } from './show-page.tsx'
import { Dataset, Datasets, datasetFiles, fileNameOf, Job, Jobs } from './work-pages.tsx'

const LISTED_MAX = 100

const ListQuery = z.object({ cursor: z.string().optional() })
const FailuresQuery = z.object({
  done: z.string().optional(),
  letters: z.string().optional(),
  quarantine: z.string().optional(),
})
const GenerationsQuery = z.object({ before: numberParameter(1, Number.MAX_SAFE_INTEGER).optional() })
const GenerationQuery = z.object({ page: numberParameter(1, 1_000_000).default(1) })

/** Pages of what goes on and of what went wrong. */
export function workRoutes() {
  const pages = new Hono<Http>()

  pages.get('/jobs', async (c) => {
    const { cursor } = readQuery(c, ListQuery)
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const jobs = await listJobs(c.var.platform, { after, countMax: LISTED_MAX })
    return show(
      c,
      { title: 'Jobs', place: '/jobs' },
      <>
        <Jobs jobs={jobs.page} isFirst={cursor === undefined} />
        <ListTurner path="/jobs" query={{ cursor }} next={nextOf(jobs).next} />
      </>,
    )
  })
  pages.get('/jobs/:id', async (c) => {
    const job = await describeJob(c.var.platform, c.req.param('id'))
    const load = job.kind === 'load' ? await describeLoad(c.var.platform, job.id) : undefined
    return show(
      c,
      { title: job.subject, place: '/jobs' },
      <Job job={job} load={load} formToken={formToken(c)} />,
    )
  })
  pages.post('/jobs/:id/cancel', async (c) => {
    await readForm(c)
    const { platform } = c.var
    const id = c.req.param('id')
    const kind = await cancelJob(platform, id)
    if (kind === 'training') await removeScratch(platform, id)
    return c.redirect(`/${kind === 'load' ? 'jobs' : 'training-datasets'}/${encodeURIComponent(id)}`, 303)
  })

  pages.get('/training-datasets', async (c) => {
    const { cursor } = readQuery(c, ListQuery)
    const after = cursor === undefined ? [] : decodeCursors(cursor, 2)
    const { datasets, schedules } = await listDatasets(c.var.platform, after, LISTED_MAX)
    return show(
      c,
      { title: 'Training datasets', place: '/training-datasets' },
      <>
        <Datasets datasets={datasets.page} schedules={schedules.page} isFirst={cursor === undefined} />
        <ListTurner
          path="/training-datasets"
          query={{ cursor }}
          next={nextOfAll([datasets, schedules]).next}
        />
      </>,
    )
  })
  pages.get('/training-datasets/:id', async (c) => {
    const dataset = await describeDataset(c.var.platform, c.req.param('id'))
    return show(
      c,
      { title: String(dataset.name), place: '/training-datasets' },
      <Dataset dataset={dataset} formToken={formToken(c)} />,
    )
  })

  pages.get('/training-datasets/:id/files/:name', async (c) => {
    const { id, name } = c.req.param()
    const file = await findDatasetFile(c.var.platform, await describeDataset(c.var.platform, id), name)
    if (file === undefined)
      throw new FeatureStoreError(
        'not_found',
        `Cannot find file "${name}" of training dataset "${id}": there is none`,
      )
    const answer = await sendFile(c, file)
    answer.headers.set('content-disposition', `attachment; filename="${id}-${fileNameOf(file.path)}"`)
    answer.headers.set('cache-control', 'private, no-store')
    return answer
  })

  pages.get('/failures', async (c) => {
    const { platform } = c.var
    const { done = '', ...places } = readQuery(c, FailuresQuery)
    const [letter, batch] = [afterOf(places, 'letters'), afterOf(places, 'quarantine')]
    const [letters, batches, { sources }] = await Promise.all([
      platform.deadLetters.list({ after: letter, limit: LISTED_MAX + 1 }),
      platform.quarantine.list({ after: batch, countMax: LISTED_MAX + 1 }),
      readCatalog(platform),
    ])
    return show(
      c,
      { title: 'Failures', place: '/failures' },
      <Failures
        letters={cutPage(letters, { after: letter, countMax: LISTED_MAX }, (one) => one)}
        quarantine={cutPage(batches, { after: batch, countMax: LISTED_MAX }, ({ doorTime: time, id }) => ({
          time,
          id,
        }))}
        places={places}
        isDefined={(source) => sources.has(source)}
        formToken={formToken(c)}
        done={DONE[done]}
      />,
    )
  })
  pages.post('/failures/replay', async (c) => {
    const { id = '' } = await readForm(c)
    const { refused } = await replayDeadLetters(c.var.platform, { kind: 'ids', ids: [id] })
    refuseIfRefused(refused)
    return c.redirect('/failures?done=replay', 303)
  })
  pages.post('/failures/release', async (c) => {
    const { id = '', source = '' } = await readForm(c)
    const { refused } = await releaseQuarantine(c.var.platform, { source, ids: [id] })
    refuseIfRefused(refused)
    return c.redirect('/failures?done=release', 303)
  })

  pages.get('/generations', async (c) => {
    const { before } = readQuery(c, GenerationsQuery)
    const { page, next } = await listGenerations(c.var.platform, { before, countMax: LISTED_MAX })
    const authors = await readAuthorNames(
      c.var.platform,
      page.map(({ author }) => author),
    )
    return show(
      c,
      { title: 'History', place: '/generations' },
      <Generations generations={page} next={next} authors={authors} />,
    )
  })
  pages.get('/generations/:generation', async (c) => {
    const { page } = readQuery(c, GenerationQuery)
    const given = c.req.param('generation')
    const found = /^\d{1,15}$/.test(given) ? await c.var.platform.registry.read(Number(given)) : undefined
    if (found === undefined)
      throw new FeatureStoreError(
        'not_found',
        `Cannot find generation "${given}": there is none of that number`,
      )
    const before = await c.var.platform.registry.read(found.generation - 1)
    return show(
      c,
      { title: `Generation ${found.generation}`, place: '/generations' },
      <GenerationDiff
        generation={found}
        changes={diffGenerations(before, found)}
        page={page}
        authors={await readAuthorNames(c.var.platform, [found.author])}
      />,
    )
  })
  return pages
}

function afterOf(places: FailurePlaces, list: keyof FailurePlaces) {
  const place = places[list]
  return place === undefined ? undefined : decodeCursor(place, list)
}

/** One of the files that a dataset says it has, and nothing else that lies beside them. */
async function findDatasetFile({ files }: Platform, dataset: DatasetReport, name: string) {
  const path = datasetFiles(dataset).find((one) => fileNameOf(one.path) === name)?.path
  return path === undefined ? undefined : await files.find(path)
}

const DONE: Readonly<Record<string, string>> = {
  replay: 'The message has been sent again.',
  release: 'The rows have been sent again.',
}

function refuseIfRefused(
  refused: readonly { readonly code: FeatureStoreError['code']; readonly message: string }[],
) {
  const [first] = refused
  if (first !== undefined) throw new FeatureStoreError(first.code, first.message)
}
