// A real Redis cluster of two nodes for tests, each with half of the slots.
import { createClient } from 'redis'
import { freePort, startRedis } from './redis-server.ts'

/** A cluster that runs. */
export interface RedisClusterServers {
  readonly urls: readonly string[]
  stop(): Promise<void>
}

/** Starts two nodes and waits until they are one cluster. */
export async function startRedisCluster(): Promise<RedisClusterServers> {
  const servers = [await startNode(), await startNode()]
  const urls = servers.map(({ url }) => url)
  const [first, second] = await Promise.all(urls.map(connect))
  if (first === undefined || second === undefined) throw new Error('a node is missing')
  await first.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '8191'])
  await second.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '8192', '16383'])
  const [port = 0, busPort = 0] = [servers[1]?.port, servers[1]?.busPort]
  await first.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort)])
  for (const client of [first, second]) {
    while (!(await isOk(client))) await new Promise((resolve) => setTimeout(resolve, 20))
    client.destroy()
  }
  return {
    urls,
    stop: async () => {
      for (const server of servers) await server.stop()
    },
  }
}

async function startNode(): Promise<Awaited<ReturnType<typeof startRedis>> & { readonly busPort: number }> {
  const busPort = await freePort()
  const settings = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)]
  return { ...(await startRedis(settings)), busPort }
}

type Client = Awaited<ReturnType<typeof connect>>

async function connect(url: string) {
  const client = createClient({ url })
  await client.connect()
  return { sendCommand: (args: string[]) => client.sendCommand(args), destroy: () => client.destroy() }
}

async function isOk(client: Client): Promise<boolean> {
  const info: unknown = await client.sendCommand(['CLUSTER', 'INFO'])
  return (
    typeof info === 'string' &&
    info.includes('cluster_state:ok') &&
    info.includes('cluster_slots_assigned:16384')
  )
}
