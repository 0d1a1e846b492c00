import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argument, expectFree, startLocalWorker } from './local-worker.ts'

const ROOT = join(import.meta.dirname, '..')
const VARIABLES = join(ROOT, '.dev.vars')

const PORT = Number(argument('port') ?? 8787)
await expectFree(PORT)

// The development token, for whoever has none yet.
if (!existsSync(VARIABLES)) writeFileSync(VARIABLES, 'ADMIN_TOKEN=local\n')
const token =
  /^ADMIN_TOKEN\s*=\s*"?([^"\n]+)"?/m.exec(readFileSync(VARIABLES, 'utf8'))?.[1]?.trim() ?? 'local'

const worker = await startLocalWorker({
  port: PORT,
  state: join(ROOT, '.wrangler/state'),
  token,
})
console.log(`Featheredge listens on ${worker.url}`)
console.log(`Try: curl -H 'Authorization: Bearer ${token}' ${worker.url}/v1/definitions`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await worker.stop()
    process.exit(0)
  })
}
