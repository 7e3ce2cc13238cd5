// A TCP proxy that a test stands in front of a server, to cut connections at the worst moment.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** What is done with what a client sends: given on, dropped with the connection, or given on and then cut. */
type Fate = 'pass' | 'cut-before' | 'cut-after'

/** A proxy in front of a server of this machine. */
export interface TcpProxy {
  readonly port: number
  /** Decides on everything that clients send from now on. */
  decide(fate: (sent: Buffer) => Fate): void
  stop(): Promise<void>
}

/** Starts a proxy that lets everything pass until it is told otherwise. */
export async function startProxy(serverPort: number): Promise<TcpProxy> {
  let decide: (sent: Buffer) => Fate = () => 'pass'
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    let isCut = false
    client.on('data', (sent) => {
      const fate = decide(sent)
      if (fate === 'cut-before') end()
      if (fate === 'cut-after') isCut = true
      if (fate !== 'cut-before') upstream.write(sent)
    })
    // The server's answer shows that the request was carried out; the client never sees it.
    upstream.on('data', (reply) => (isCut ? end() : client.write(reply)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port')
  return {
    port: address.port,
    decide: (fate) => {
      decide = fate
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
