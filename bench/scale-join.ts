/**
 * `node bench/scale-join.ts [labels…]`: time and memory of the join as labels grow, a line each, for the table in
 * `docs/reports/join.md`. Three views of twice as many rows as labels, at most 2,000,000.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { createJoinData } from './join-data.ts'
import { joinInSmallHeap } from './measure-join.ts'

const sizes = process.argv.slice(2).map(Number)
for (const labelCount of sizes.length > 0 ? sizes : [10_000, 100_000, 1_000_000, 10_000_000]) {
  const folder = await mkdtemp(joinPath(tmpdir(), 'featheredge-scale-'))
  try {
    const rowCount = Math.min(labelCount * 2, 2_000_000)
    const data = createJoinData(folder, { labelCount, rowCount })
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
