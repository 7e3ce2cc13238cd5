// A server for a whole run of the tests: started when the first test file asks for it, and ended with the
// run.
import { once } from 'node:events'
import { createServer } from 'node:http'

/** A server that runs. */
export interface RunningServer {
  stop(): Promise<void>
}

/** What a run needs of a server that its files share. */
export interface SharedServer {
  /** What vitest calls before a run; its files ask at the port that is noted in the environment. */
  readonly setup: () => Promise<void>
  /** What vitest calls after it. */
  readonly teardown: () => Promise<void>
  /** Where the server is. One that cannot be started fails whoever asks. */
  readonly address: () => Promise<string>
}

/** How a server is shared. */
export interface SharedServerOptions<Server extends RunningServer> {
  /** The variable of the environment that names a running server, which is used instead. */
  readonly running: string
  /** The variable in which the port is noted. */
  readonly variable: string
  readonly start: () => Promise<Server>
  readonly addressOf: (server: Server) => string
}

/** Shares a server. */
export function sharedServer<Server extends RunningServer>(
  options: SharedServerOptions<Server>,
): SharedServer {
  const { running, variable, start, addressOf } = options
  let started: Promise<Server> | undefined
  let close: (() => void) | undefined
  return {
    setup: async () => {
      const asked = createServer((_, response) => {
        started ??= start()
        started.then(
          (server) => response.end(addressOf(server)),
          (error: unknown) => response.writeHead(500).end(String(error)),
        )
      })
      asked.listen(0, '127.0.0.1')
      await once(asked, 'listening')
      const address = asked.address()
      if (typeof address !== 'object' || address === null) throw new Error('no free port')
      process.env[variable] = String(address.port)
      close = () => asked.close()
    },
    teardown: async () => {
      close?.()
      const server = await started?.catch(() => undefined)
      await server?.stop()
    },
    address: async () => {
      const given = process.env[running]
      if (given !== undefined) return given
      const answer = await fetch(`http://127.0.0.1:${process.env[variable]}/`)
      const text = await answer.text()
      if (!answer.ok) throw new Error(text)
      return text
    },
  }
}
