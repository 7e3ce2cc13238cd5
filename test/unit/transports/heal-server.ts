// A web service that has a log of events, on a port of its own.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An event as the log has it. */
export interface LoggedEvent {
  readonly stream: string
  readonly sequence: number | string
  readonly epoch?: number
}

export class HealServer {
  readonly events: LoggedEvent[] = []
  readonly requests: IncomingMessage[] = []
  /** Instead of the log. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  readonly #server: Server
  readonly #form: 'array' | 'ndjson'

  private constructor(form: 'array' | 'ndjson') {
    this.#form = form
    this.#server = createServer((request, response) => {
      this.requests.push(request)
      if (this.answer === undefined) this.#give(request, response)
      else this.answer(request, response)
    })
  }

  static async start(form: 'array' | 'ndjson' = 'array'): Promise<HealServer> {
    const server = new HealServer(form)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get base(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  get template(): string {
    return `${this.base}/events/{domain}/{stream}?epoch={epoch}&from={from}&to={to}&limit={limit}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #give(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.base)
    const stream = decodeURIComponent(pathname.split('/')[3] ?? '')
    const asked = (name: string): string => searchParams.get(name) ?? ''
    const [from, to] = [BigInt(asked('from') || '0'), BigInt(asked('to'))]
    const numberOf = (event: LoggedEvent): bigint => BigInt(event.sequence)
    const found = this.events
      .filter((event) => event.stream === stream && String(event.epoch ?? 0) === asked('epoch'))
      .filter((event) => numberOf(event) >= from && numberOf(event) <= to)
      .sort((a, b) => Number(numberOf(a) - numberOf(b)))
      .slice(0, Number(asked('limit')))
    const isArray = this.#form === 'array'
    response.setHeader('content-type', isArray ? 'application/json' : 'application/x-ndjson')
    response.end(
      isArray
        ? JSON.stringify(found, undefined, 1)
        : found.map((event) => `${JSON.stringify(event)}\n`).join(''),
    )
  }
}
