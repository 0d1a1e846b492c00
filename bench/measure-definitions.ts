// What applying a large set of definitions costs in processor time: `node bench/measure-definitions.ts [views] [features]`.
import { gzipSync } from 'node:zlib'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { EMPTY_DEFINITIONS } from '../src/definitions/definition-set.ts'
import { parseDefinitions, planChanges } from '../src/registry/plan-changes.ts'
import { manyViews } from './many-views.ts'

const [viewCount = 1_000, featureCount = 50] = process.argv.slice(2).map(Number)
const text = JSON.stringify(manyViews(viewCount, featureCount))
const ROUNDS = 2

/** The least processor time of some rounds, in milliseconds. */
function measure<T>(name: string, work: () => T): T {
  let least = Number.POSITIVE_INFINITY
  let result: T | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    result = work()
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, (user + system) / 1_000)
  }
  console.log(`${name.padEnd(28)} ${least.toFixed(0).padStart(6)} ms`)
  return result!
}

console.log(`${viewCount} views of ${featureCount} features, ${text.length} bytes of definitions`)
const json = measure('JSON.parse of the request', () => JSON.parse(text) as unknown)
const set = measure('parse and check', () => parseDefinitions(structuredClone(json)))
const current = { definitions: EMPTY_DEFINITIONS, versions: {}, versionsEver: {} }
const { versions } = measure('plan of the first apply', () => planChanges(current, set))
const numbers = Object.fromEntries(Object.entries(versions).map(([view, { version }]) => [view, version]))
const again = { definitions: set, versions, versionsEver: numbers }
measure('plan of an unchanged set', () => planChanges(again, set))
const snapshot = measure('compile', () =>
  compileDefinitions(set, { generation: 1, versions: numbers, blockBits: {} }),
)
const stored = measure('stringify', () => JSON.stringify(snapshot))
const packed = measure('gzip', () => gzipSync(stored))
measure('JSON.parse of the snapshot', () => JSON.parse(stored) as unknown)
console.log(`snapshot ${stored.length} bytes, ${packed.length} gzipped`)
