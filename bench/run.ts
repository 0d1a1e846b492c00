/**
 * `npm run bench`: how fast the store is, each figure a ratio to something measured in the same run, against
 * `budgets.json`. A missed budget is said, not thrown: machines differ, and who reads the table decides.
 *
 *   --short            small sizes, about two minutes: for CI, to see that everything still runs and no figure is absurd
 *   --entities <n>     entities in the online store; by default 100000, at which the budgets are meant, 2000 with --short
 */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join as joinPath } from 'node:path'
import { parseArgs } from 'node:util'
import { type Comparison, formatComparisons, type JudgedComparison, judgeComparison } from './comparison.ts'
import { measureDefinitions } from './measure-definitions.ts'
import { measureExpressions } from './measure-expressions.ts'
import { measureJoin } from './measure-join.ts'
import { measureLoad } from './measure-load.ts'
import { measurePush } from './measure-push.ts'
import { measureRefresh } from './measure-refresh.ts'
import { measureServing } from './measure-serving.ts'
import { measureUniform } from './measure-uniform.ts'
import { formatWindowUpdates, measureWindowUpdates } from './measure-window-updates.ts'
import { measureWindowed } from './measure-windowed.ts'
import { measureFinishes } from './measure-windows.ts'
import { formatBatchReports, reportBatches } from './report-batches.ts'

const { values: flags } = parseArgs({
  options: { short: { type: 'boolean', default: false }, entities: { type: 'string' } },
})
const entityCount = Number(flags.entities ?? (flags.short ? 2_000 : 100_000))
if (!Number.isInteger(entityCount) || entityCount < 1) {
  throw new Error(`Cannot run with --entities "${flags.entities}": a whole number above 0 is needed`)
}
const join = flags.short
  ? { labelCount: 20_000, rowCount: 40_000, runs: 3 }
  : { labelCount: 1_000_000, rowCount: 2_000_000, runs: 3 }
const serving = flags.short
  ? { entityCount, rounds: 1, measureMs: 1_000, warmUpMs: 500, coldPasses: 1, settleMs: 1_500 }
  : { entityCount, rounds: 2, measureMs: 8_000, warmUpMs: 2_500, coldPasses: 5, settleMs: 40_000 }
const push = { entityCount: 100_000, rounds: flags.short ? 1 : 3 }
const refresh = { entityCount: flags.short ? 50_000 : 100_000 }
const expressions = flags.short ? { rowCount: 50_000, passes: 5 } : { rowCount: 200_000, passes: 10 }
const definitions = { viewCount: flags.short ? 100 : 1_000, featureCount: 50 }
const load = { rowCount: flags.short ? 50_000 : 3_000_000 }
const windowUpdates = flags.short
  ? { keyCount: 2_000, eventsPerKey: 50 }
  : { keyCount: 10_000, eventsPerKey: 100 }
const uniform = flags.short
  ? { userCount: 500_000, requestCount: 20 }
  : { userCount: 5_000_000, requestCount: 200 }

const startMs = performance.now()
const measures: readonly (() => Comparison[] | Promise<Comparison[]>)[] = [
  // These go first: they share the processor with no Worker.
  () => [measureExpressions(expressions)],
  measureFinishes,
  () => measureDefinitions(definitions),
  () => measureJoin(join),
  () => measureJoin(join, 'windowed'),
  async () => [await measureLoad(load)],
  () => measureServing(serving),
  async () => [await measureUniform(uniform)],
  async () => [await measureWindowed(serving)],
  async () => [await measureRefresh(refresh)],
  async () => [await measurePush(push)],
]
const comparisons: JudgedComparison[] = []
for (const measure of measures) {
  const judged = (await measure()).map(judgeComparison)
  comparisons.push(...judged)
  const told = judged.map(({ name, ratio, outcome }) => `${name} ${ratio.toFixed(2)} ${outcome}`)
  process.stderr.write(`[${Math.round((performance.now() - startMs) / 1_000)} s] ${told.join(', ')}\n`)
}
const updates = measureWindowUpdates(windowUpdates)
const batches = flags.short ? [] : await reportBatches({ measureMs: 2_000 })
const [cpu] = cpus()
const machine = `${cpus().length} x ${cpu?.model.trim()}, Node ${process.version}`
process.stdout.write(`\n${formatComparisons(comparisons)}\n${formatWindowUpdates(updates)}\n\n`)
if (batches.length > 0) process.stdout.write(`${formatBatchReports(batches)}\n\n`)
process.stdout.write(
  `${entityCount} entities, ${join.labelCount} labels x 3 views x ${join.rowCount} rows, ${machine}, ${Math.round((performance.now() - startMs) / 1_000)} s\n`,
)
const results = {
  time: new Date().toISOString(),
  machine,
  join,
  load,
  serving,
  uniform,
  refresh,
  push,
  expressions,
  definitions,
  comparisons,
  window_updates: updates,
  batches,
}
await writeFile(joinPath(import.meta.dirname, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
