import { Agent, request } from 'node:http'

/** Requests under way at any time; each connection sends its next when the last is answered. */
const CONNECTIONS = 16

export interface BenchRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Throughput {
  readonly requestCount: number
  readonly elapsedMs: number
}

/** A client of keep-alive connections. */
export interface LoopClient {
  /** The answer's body. Throws for a status that is not 2xx: a refused request is quick and must not count. */
  send(sent: BenchRequest): Promise<string>
  /** Sends what `next` gives until the time is over or it gives nothing more. */
  run(next: () => BenchRequest | undefined, durationMs?: number): Promise<Throughput>
  close(): void
}

export function createLoopClient(): LoopClient {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const send = (sent: BenchRequest) => sendOnce(agent, sent)
  return {
    send,
    async run(next, durationMs = Number.POSITIVE_INFINITY) {
      const startMs = performance.now()
      let requestCount = 0
      const connection = async () => {
        while (performance.now() - startMs < durationMs) {
          const sent = next()
          if (sent === undefined) return
          await send(sent)
          requestCount++
        }
      }
      await Promise.all(Array.from({ length: CONNECTIONS }, connection))
      return { requestCount, elapsedMs: performance.now() - startMs }
    },
    close() {
      agent.destroy()
    },
  }
}

/** Requests a second over all the rounds of one measurement. */
export function perSecond(rounds: readonly Throughput[]): number {
  const requestCount = rounds.reduce((sum, round) => sum + round.requestCount, 0)
  const elapsedMs = rounds.reduce((sum, round) => sum + round.elapsedMs, 0)
  return (requestCount * 1_000) / elapsedMs
}

function sendOnce(agent: Agent, { url, method = 'GET', headers, body }: BenchRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { ...headers } }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        const status = answer.statusCode!
        if (status >= 200 && status < 300) resolve(text)
        else reject(new Error(`Cannot ${method} "${url}": status ${status}, ${text.slice(0, 500)}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
