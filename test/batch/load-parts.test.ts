import { expect, test } from 'vitest'
import { createRandom, randomInt } from '../../bench/random.ts'
import { cancelJob } from '../../src/batch/cancel-job.ts'
import { describeLoad } from '../../src/batch/describe-load.ts'
import { chunksOf, countParts, decodePartId, encodePartId } from '../../src/batch/load-parts.ts'
import { runLoad } from '../../src/batch/run-load.ts'
import { runLoadPart } from '../../src/batch/run-load-part.ts'
import { HEARTBEAT_MAX_US } from '../../src/batch/start-jobs.ts'
import { startDueLoads, startLoads } from '../../src/batch/start-loads.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import { applyClicks } from '../platform/clicks.ts'
import { createJobEngine, type JobEngine } from '../platform/job-engine.ts'
import type { MemoryPlatform } from '../platform/memory-platform.ts'
import { COUNTED_CLICKS, clicksFile, clicksStore, readOutcome, wantedOutcome } from './counted-clicks.ts'

/** The last chunk is none of the job's own. */
const FILE = { chunks: 14, rowsPerChunk: 4 }
const ROWS = FILE.chunks * FILE.rowsPerChunk
const PARTS = 3
const SEEDS = 30
/** A run without faults takes about 300. */
const TURNS_MAX = 20_000
/** Cron comes so often, whether time has gone on or not. */
const TURNS_A_TICK = 40

interface Run {
  readonly platform: MemoryPlatform
  readonly engine: JobEngine
  readonly random: () => number
  /** What befell it, by name. */
  readonly blows: Map<string, number>
}

/** A store whose jobs run side by side, in an order that follows from the seed. */
async function createRun(
  seed: number,
  { badRows = [] as readonly number[], faultsMax = 0 } = {},
): Promise<Run> {
  const random = createRandom(seed)
  const blows = new Map<string, number>()
  let faults = randomInt(random, faultsMax + 1)
  const engine = createJobEngine(random, {
    run: (kind, id, steps) => (kind === 'load' ? runLoad : runLoadPart)(platform, id, steps),
    wait(ms) {
      platform.time.now += ms * 1_000
    },
    isFaulty() {
      if (faults === 0 || random() > 0.02) return false
      faults--
      note(blows, 'fault')
      return true
    },
  })
  const platform = await clicksStore(clicksFile(FILE, badRows), {
    jobEffect: engine.effect,
    loadPartsMax: PARTS,
  })
  Object.assign(platform, { jobs: engine.jobs })
  return { platform, engine, random, blows }
}

function note(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** Begins the load and lets its instances go on, hit by so many blows, until none of them can; answers the load's id. */
async function drive(
  { platform, engine, random, blows }: Run,
  { blowsMax = 0, badRowsMax = 0, between = async (_turn: number) => {} } = {},
): Promise<string> {
  const [begun] = await startLoads(platform, 'clicks', { files: ['a.parquet'], badRowsMax })
  const { id } = begun!
  let left = randomInt(random, blowsMax + 1)
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (left > 0 && random() < 0.02) {
      left--
      const how = (['fail', 'lose', 'resume', 'cut'] as const)[randomInt(random, 4)]!
      note(blows, how)
      if (how === 'cut') {
        engine.cut()
        platform.crash()
      } else engine.hit(how)
    }
    await between(turn)
    const isOver = !(await engine.next())
    if (isOver && (await platform.loads.listUnfinished()).length === 0) return id
    if (isOver) platform.time.now += HEARTBEAT_MAX_US + 1
    if (isOver || turn % TURNS_A_TICK === 0) await startDueLoads(platform)
  }
  throw new Error('The load has not come to its end')
}

/** The segments that count, by path: what they are made of. */
const segments = ({ manifest, objects }: MemoryPlatform) =>
  new Map(
    [...manifest.keys()].sort().map((path) => [path, Buffer.from(objects.get(path)!).toString('base64')]),
  )
const kept = ({ objects }: MemoryPlatform) => [...objects.keys()].filter((path) => path.startsWith('loads/'))

test('a load in parts that are lost, fail, resume or are cut off at any effect, in any order, ends as one alone does (S8, S9)', async () => {
  const alone = await clicksStore(clicksFile(FILE))
  await startLoads(alone, 'clicks', { files: ['a.parquet'], badRowsMax: 0 })
  const wanted = segments(alone)
  const blows = new Map<string, number>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await createRun(seed, { faultsMax: 3 })
    const id = await drive(run, { blowsMax: 4 })
    const { platform, engine } = run
    expect(await describeLoad(platform, id), `seed ${seed}`).toMatchObject({
      status: 'succeeded',
      rows: { read: ROWS, written: ROWS },
      progress: { done: 2 * FILE.chunks, total: 2 * FILE.chunks },
    })
    expect(segments(platform), `seed ${seed}`).toEqual(wanted)
    expect(await readOutcome(platform), `seed ${seed}`).toEqual(wantedOutcome(FILE))
    expect(engine.instances.size).toBeGreaterThan(PARTS)
    for (const [how, count] of run.blows) blows.set(how, (blows.get(how) ?? 0) + count)
  }
  // Runs in which nothing goes wrong would prove nothing.
  for (const how of ['fault', 'fail', 'lose', 'resume', 'cut'])
    expect(blows.get(how), how).toBeGreaterThan(SEEDS / 10)
})

test('a part that its engine has given up is started again by its load, without Cron', async () => {
  const run = await createRun(1)
  const { platform, engine } = run
  let given = 0
  await drive(run, {
    async between(turn) {
      if (turn % 30 !== 0 || given === 5) return
      engine.hit('fail', 'load_part')
      given += Number([...engine.instances.values()].some(({ status }) => status === 'errored'))
    },
  })
  expect(given).toBe(5)
  expect(platform.logged.filter((line) => line.includes('silent'))).toEqual([])
  expect(await readOutcome(platform)).toEqual(wantedOutcome(FILE))
})

test('a load started again in the moment of its failure, while its instance runs yet, goes on without Cron', async () => {
  const run = await createRun(3)
  const { platform, engine } = run
  const { deliver } = platform.writers
  let refused = 0
  Object.assign(platform.writers, {
    async deliver(...given: Parameters<typeof deliver>) {
      if (refused++ === 0) throw new FeatureStoreError('failed_precondition', 'Refused')
      return deliver(...given)
    },
  })
  let startedAgain = 0
  const id = await drive(run, {
    async between() {
      const [load] = await platform.loads.list('clicks')
      if (load?.status !== 'failed') return
      expect(engine.instances.get(load.id)).toMatchObject({ status: 'running' })
      await startLoads(platform, 'clicks', { files: ['a.parquet'], badRowsMax: 0 })
      startedAgain++
    },
  })
  expect(startedAgain).toBe(1)
  expect(await describeLoad(platform, id)).toMatchObject({ status: 'succeeded' })
  expect(platform.logged.filter((line) => line.includes('silent'))).toEqual([])
  expect(await readOutcome(platform)).toEqual(wantedOutcome(FILE))
})

test('a bad row in the last chunk fails a load in parts by row and reason, ends all of them, and leaves nothing', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const run = await createRun(seed, { badRows: [ROWS - 1] })
    const id = await drive(run)
    const { platform, engine } = run
    expect(await describeLoad(platform, id)).toMatchObject({
      status: 'failed',
      error: `Cannot load "a.parquet": 1 rows are bad and max_bad_rows is 0; row ${ROWS - 1}: Join key of view "last_click": it is null, a value is needed`,
    })
    expect([...engine.instances.values()].map(({ status }) => status)).toEqual(Array(PARTS).fill('complete'))
    expect(platform.manifest.size).toBe(0)
    expect(kept(platform), `seed ${seed}`).toEqual([])
    expect(await startDueLoads(platform)).toBeUndefined()
  }
})

test('bad rows of several parts count together', async () => {
  const badRows = [1, 2].map((chunk) => chunk * FILE.rowsPerChunk)
  for (const badRowsMax of [1, 2]) {
    const run = await createRun(badRowsMax, { badRows })
    const id = await drive(run, { badRowsMax })
    const { status, rows } = await describeLoad(run.platform, id)
    expect(status).toBe(badRowsMax < badRows.length ? 'failed' : 'succeeded')
    expect(rows.rejected).toBe(badRows.length)
  }
})

test('a load in parts that is cancelled at any time ends all of them and leaves nothing, or shows all of it', async () => {
  const statuses = new Set<string>()
  for (let seed = 0; seed < 20; seed++) {
    const run = await createRun(seed)
    const { platform, engine, random } = run
    const cancelTurn = randomInt(random, 300)
    const id = await drive(run, {
      async between(turn) {
        const [load] = await platform.loads.listUnfinished()
        if (turn === cancelTurn && load !== undefined && !load.isRegistered)
          await cancelJob(platform, load.id)
      },
    })
    const { status } = await describeLoad(platform, id)
    statuses.add(status)
    expect([...engine.instances.values()].map((instance) => instance.status)).not.toContain('running')
    expect(kept(platform), `seed ${seed}`).toEqual([])
    if (status === 'cancelled') expect(platform.manifest.size).toBe(0)
    else expect(await readOutcome(platform)).toEqual(wantedOutcome(FILE))
  }
  expect([...statuses].sort()).toEqual(['cancelled', 'succeeded'])
})

test('parts of a load whose definitions change are not heard again: its rows are those of the new generation alone (S33)', async () => {
  const [click, ...others] = COUNTED_CLICKS.feature_views!
  const changed = {
    ...COUNTED_CLICKS,
    feature_views: [
      { ...click!, features: [{ name: 'price', type: 'int64' as const, sql: 'price + 1000' }] },
      ...others,
    ],
  }
  const wanted = wantedOutcome(FILE)
  const { last_click, ...logged } = wanted.logged
  const areChanged = new Set<boolean>()
  for (let seed = 0; seed < 12; seed++) {
    const run = await createRun(seed, { faultsMax: 1 })
    const { platform, random } = run
    const changeTurn = randomInt(random, 200)
    const id = await drive(run, {
      blowsMax: 2,
      async between(turn) {
        if (turn === changeTurn && platform.manifest.size === 0) await applyClicks(platform, changed)
      },
    })
    const { generation } = (await platform.loads.find(id))!
    areChanged.add(generation > 1)
    const outcome = await readOutcome(platform)
    if (generation === 1) expect(outcome).toEqual(wanted)
    else
      expect(outcome, `seed ${seed}`).toEqual({
        served: wanted.served.map(([price, ...spent]) => [String(Number(price) + 1_000), ...spent]),
        logged: { ...logged, 'last_click@2': last_click },
      })
  }
  expect(areChanged.size).toBe(2)
})

test('a load is shared among instances from eight chunks on, each chunk in one share', () => {
  expect([1, 7, 8, 12, 16, 1_000].map((chunkCount) => countParts(chunkCount, 4))).toEqual([1, 1, 2, 3, 4, 4])
  expect(countParts(1_000, 1)).toBe(1)
  for (const chunkCount of [0, 1, 3, 4, 13]) {
    const shares = [0, 1, 2, 3].map((part) => chunksOf({ part, partCount: 4 }, chunkCount))
    expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: chunkCount }, (_, at) => at))
  }
})

test('the id of a part says which it is, in what the platform takes for an id', () => {
  const load = `load-${'f'.repeat(32)}`
  const part = {
    load,
    attempt: 1_234,
    generation: 1_234_567,
    phase: 'sync',
    part: 15,
    partCount: 16,
  } as const
  expect(decodePartId(encodePartId(part))).toEqual(part)
  expect(encodePartId(part)).toMatch(/^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}$/)
})
