// A TCP proxy that a test stands in front of a server, to cut connections at the worst moment.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/**
 * What is done with what a client sends: given on, dropped with the connection, given on and then cut, or
 * dropped (`swallow`) or given on (`mute`) while the connection stays and is silent from then on.
 */
type Fate = 'pass' | 'cut-before' | 'cut-after' | 'swallow' | 'mute'

/** A proxy in front of a server of this machine. */
export interface TcpProxy {
  readonly port: number
  /** Decides on everything that clients send from now on. */
  decide(fate: (sent: Buffer) => Fate): void
  /** Connections that are there stay, and nothing goes through them any more, in either direction. */
  silence(): void
  /** How many connections of clients there are. */
  readonly connections: number
  /** Leads connections that are made from now on to another server of this machine. */
  lead(serverPort: number): void
  stop(): Promise<void>
}

/** Starts a proxy that lets everything pass until it is told otherwise. */
export async function startProxy(serverPort: number): Promise<TcpProxy> {
  let target = serverPort
  let decide: (sent: Buffer) => Fate = () => 'pass'
  const sockets = new Set<Socket>()
  const links = new Set<{ isSilent: boolean }>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const link = { isSilent: false }
    links.add(link)
    const end = (): void => {
      links.delete(link)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    let isCut = false
    client.on('data', (sent) => {
      if (link.isSilent) return
      const fate = decide(sent)
      if (fate === 'cut-before') end()
      if (fate === 'cut-after') isCut = true
      if (fate === 'swallow' || fate === 'mute') link.isSilent = true
      if (fate !== 'cut-before' && fate !== 'swallow') upstream.write(sent)
    })
    // The server's answer shows that the request was carried out; the client never sees it.
    upstream.on('data', (reply) => {
      if (isCut) end()
      else if (!link.isSilent) client.write(reply)
    })
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
    silence: () => {
      for (const link of links) link.isSilent = true
    },
    get connections() {
      return links.size
    },
    lead: (port) => {
      target = port
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
