// `npm run simulate -- --seeds 100000 --from 0`: runs the simulation of ingest and stops at the first seed that fails.
import { parseArgs } from 'node:util'
import { simulate } from '../test/simulation/simulate.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '10000' }, from: { type: 'string', default: '0' } },
})
const [from, count] = [Number(values.from), Number(values.seeds)]
const started = performance.now()
const total = { rows: 0, crashes: 0, storageFaults: 0, moves: 0, refusedPuts: 0, puts: 0, staleDeliveries: 0 }
for (let seed = from; seed < from + count; seed++) {
  try {
    const report = await simulate(seed)
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name]
  } catch (error) {
    console.error(`Seed ${seed} fails: ${(error as Error).stack}`)
    process.exit(1)
  }
  if ((seed - from + 1) % 1_000 === 0) {
    const seconds = Math.round((performance.now() - started) / 1_000)
    console.log(`${seed - from + 1} of ${count} seeds, ${seconds} s, ${JSON.stringify(total)}`)
  }
}
console.log(`${count} seeds passed: ${JSON.stringify(total)}`)
