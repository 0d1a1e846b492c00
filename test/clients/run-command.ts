import { run, type Surroundings } from '../../clients/cli/run.ts'
import { TOKEN } from '../worker/harness.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line against the store at `url`, without a process of its own. */
export async function runCommand(
  url: string,
  args: readonly string[],
  { isTTY = false }: { readonly isTTY?: boolean } = {},
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof written): Surroundings['stdout'] => ({
    isTTY,
    write(text: string) {
      written[name] += text
    },
  })
  const env = { FEATHEREDGE_URL: url, FEATHEREDGE_TOKEN: TOKEN }
  const code = await run(args, { env, stdout: stream('stdout'), stderr: stream('stderr') })
  return { code, ...written }
}
