// The first search of an isolate, in a thread of its own: nothing is compiled, and no index made.
import { parentPort, workerData } from 'node:worker_threads'
import { createCatalog } from '../src/catalog/catalog.ts'
import { search } from '../src/catalog/search.ts'
import type { Generation } from '../src/platform.ts'

export interface FirstSearch {
  /** JSON of the newest generation. */
  readonly generation: string
  readonly text: string
}

const { generation, text } = workerData as FirstSearch
const read = JSON.parse(generation) as Generation
const start = process.cpuUsage()
search(createCatalog(read), { text, countMax: 20 })
const { user, system } = process.cpuUsage(start)
parentPort!.postMessage((user + system) / 1_000)
