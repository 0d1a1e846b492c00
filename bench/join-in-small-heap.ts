/**
 * `node --max-old-space-size=48 --max-semi-space-size=2 bench/join-in-small-heap.ts <folder> <runs>`: joins what `createJoinData`
 * made in the folder and prints the times (after one that is not counted), by the clock and of the processor, and the
 * greatest memory. The flags stand in for
 * a Worker's limit: with all the room that Node gives, V8 lets garbage lie that a Worker's would be made to collect.
 */
import { readFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { JoinData } from './join-data.ts'
import { joinFiles } from './join-files.ts'

const [folder, runs] = process.argv.slice(2)
const data = JSON.parse(readFileSync(joinPath(folder!, 'data.json'), 'utf8')) as JoinData
const peak = { bytes: 0 }
const times: number[] = []
const processorTimes: number[] = []
for (let run = 0; run <= Number(runs); run++) {
  const startMs = performance.now()
  const before = process.cpuUsage()
  await joinFiles(folder!, data, peak)
  if (run === 0 && Number(runs) > 0) continue
  const { user, system } = process.cpuUsage(before)
  times.push(performance.now() - startMs)
  processorTimes.push((user + system) / 1_000)
}
process.stdout.write(JSON.stringify({ times, processorTimes, peakBytes: peak.bytes }))
