/**
 * `node bench/scale-join.ts [--windowed] [labels…]`: time and memory of the join as labels grow, a line each, for the tables in
 * `docs/reports/join.md`. Three views of twice as many rows as labels, at most 2,000,000; two of them windowed, if that is said.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { parseArgs } from 'node:util'
import { createJoinData } from './join-data.ts'
import { joinInSmallHeap } from './measure-join.ts'

const { values: flags, positionals } = parseArgs({
  options: { windowed: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const sizes = positionals.map(Number)
for (const labelCount of sizes.length > 0 ? sizes : [10_000, 100_000, 1_000_000, 10_000_000]) {
  const folder = await mkdtemp(joinPath(tmpdir(), 'featheredge-scale-'))
  try {
    const rowCount = Math.min(labelCount * 2, 2_000_000)
    const data = createJoinData(folder, { labelCount, rowCount }, flags.windowed ? 'windowed' : 'latest')
    await writeFile(joinPath(folder, 'data.json'), JSON.stringify(data))
    const { times, processorTimes, peakBytes } = await joinInSmallHeap(folder, 0)
    const facts = {
      labels: labelCount,
      rows: rowCount,
      ms: times[0]!,
      'processor ms': processorTimes[0]!,
      'peak MB': peakBytes / 1_000_000,
    }
    process.stdout.write(
      `${Object.entries(facts)
        .map(([name, value]) => `${name} ${Math.round(value)}`)
        .join('  ')}\n`,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}
