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

export interface BenchAnswer {
  readonly body: string
  /** The header of that name, where there is one. */
  readonly serverTiming: string | undefined
  readonly latencyMs: number
}

export interface LoopOptions {
  /** No limit by default: until `next` gives nothing more. */
  readonly durationMs?: number
  /** Is shown every answer. */
  readonly onAnswer?: (answer: BenchAnswer) => void
}

/** A client of keep-alive connections. */
export interface LoopClient {
  /** The answer's body. Throws for a status that is not 2xx: a refused request is quick and must not count. */
  send(sent: BenchRequest): Promise<string>
  /** Sends what `next` gives until the time is over or it gives nothing more. */
  run(next: () => BenchRequest | undefined, options?: LoopOptions): Promise<Throughput>
  close(): void
}

export function createLoopClient(): LoopClient {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  return {
    async send(sent) {
      return (await sendOnce(agent, sent)).body
    },
    async run(next, { durationMs = Number.POSITIVE_INFINITY, onAnswer } = {}) {
      const startMs = performance.now()
      let requestCount = 0
      const connection = async () => {
        while (performance.now() - startMs < durationMs) {
          const sent = next()
          if (sent === undefined) return
          const answer = await sendOnce(agent, sent)
          onAnswer?.(answer)
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

function sendOnce(agent: Agent, asked: BenchRequest): Promise<BenchAnswer> {
  const { url, method = 'GET', headers, body } = asked
  return new Promise((resolve, reject) => {
    const startMs = performance.now()
    const sent = request(url, { method, agent, headers: { ...headers } }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        const status = answer.statusCode!
        if (status >= 200 && status < 300) {
          const timing = answer.headers['server-timing']
          resolve({
            body: text,
            serverTiming: timing === undefined ? undefined : String(timing),
            latencyMs: performance.now() - startMs,
          })
        } else reject(new Error(`Cannot ${method} "${url}": status ${status}, ${text.slice(0, 500)}`))
      })
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // A connection that was idle may be closed by the Worker just as it is used again: nobody took the request.
      if (sent.reusedSocket && error.code === 'ECONNRESET') sendOnce(agent, asked).then(resolve, reject)
      else reject(error)
    })
    sent.end(body)
  })
}
