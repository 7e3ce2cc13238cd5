// A real Redis cluster for tests: two primaries, or as many as are asked for, with replicas where they are
// asked for too; slots can be moved while it works.
import { createClient } from 'redis'
import type { RedisServer } from './redis-server.ts'
import { freePort, startRedis } from './redis-server.ts'

/** One server of a cluster. */
export interface RedisClusterNode {
  readonly server: RedisServer
  readonly id: string
  send(...command: readonly string[]): Promise<unknown>
}

/** A cluster that runs. */
export interface RedisClusterServers {
  readonly urls: readonly string[]
  /** Primaries first, each with an even share of the slots, then their replicas in the same order. */
  readonly nodes: readonly RedisClusterNode[]
  stop(): Promise<void>
}

/** What a cluster is made of. */
export interface RedisClusterShape {
  readonly primaries?: number
  /** Replicas of each primary: one or none. Others take over for a primary that is silent for 2 s. */
  readonly replicas?: 0 | 1
}

const slots = 16_384

/** Starts the nodes and waits until all of them know that they are one cluster. */
export async function startRedisCluster(shape: RedisClusterShape = {}): Promise<RedisClusterServers> {
  const { primaries = 2, replicas = 0 } = shape
  const nodes = await Promise.all(Array.from({ length: primaries * (1 + replicas) }, startNode))
  const [first, ...others] = nodes
  const owners = nodes.slice(0, primaries)
  for (const [index, node] of owners.entries()) {
    const [from, to] = [index, index + 1].map((share) => Math.floor((share * slots) / primaries))
    await node.send('CLUSTER', 'ADDSLOTSRANGE', String(from), String((to ?? 0) - 1))
  }
  for (const node of others) {
    await first?.send('CLUSTER', 'MEET', '127.0.0.1', String(node.server.port), String(node.busPort))
  }
  for (const node of nodes) await until(() => isOk(node, nodes.length))
  for (const [index, node] of nodes.slice(primaries).entries()) {
    await node.send('CLUSTER', 'REPLICATE', owners[index]?.id ?? '')
  }
  for (const node of nodes.slice(primaries)) {
    await until(async () => String(await node.send('ROLE')).includes('connected'))
  }
  return {
    urls: nodes.map(({ server }) => server.url),
    nodes,
    stop: async () => {
      for (const node of nodes) await node.end()
    },
  }
}

/**
 * Moves a slot with all its keys, as the tools of Redis do it, and waits until all nodes know of it: moved on
 * at once, it might be claimed by two nodes with the same right.
 */
export async function moveSlot(
  slot: number,
  { from, to, all }: { from: RedisClusterNode; to: RedisClusterNode; all: readonly RedisClusterNode[] },
): Promise<void> {
  const place = ['CLUSTER', 'SETSLOT', String(slot)] as const
  await to.send(...place, 'IMPORTING', from.id)
  await from.send(...place, 'MIGRATING', to.id)
  for (;;) {
    const keys = await from.send('CLUSTER', 'GETKEYSINSLOT', String(slot), '20')
    if (!Array.isArray(keys) || keys.length === 0) break
    for (const key of keys.map(String)) {
      await from.send('MIGRATE', '127.0.0.1', String(to.server.port), key, '0', '60000')
    }
  }
  for (const node of [to, from]) await node.send(...place, 'NODE', to.id)
  for (const node of all) await until(async () => (await ownerIn(node, slot)) === to.id)
}

/** The id of the node that has a slot, as some node knows it. */
export async function ownerIn(node: RedisClusterNode, slot: number): Promise<string | undefined> {
  const lines = String(await node.send('CLUSTER', 'NODES')).split('\n')
  const owner = lines.find((line) =>
    [...line.matchAll(/ (\d+)(?:-(\d+))?(?= |$)/g)]
      // The first ones are times and an epoch.
      .slice(3)
      .some(([, from, to = from]) => Number(from) <= slot && slot <= Number(to)),
  )
  return owner?.split(' ')[0]
}

async function startNode() {
  const busPort = await freePort()
  const settings = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)]
  const server = await startRedis([...settings, '--cluster-node-timeout', '2000'])
  const client = createClient({ url: server.url, socket: { reconnectStrategy: false } })
  client.on('error', () => undefined)
  await client.connect()
  const send = (...command: readonly string[]): Promise<unknown> => client.sendCommand([...command])
  return {
    server,
    busPort,
    send,
    id: String(await send('CLUSTER', 'MYID')),
    end: async () => {
      client.destroy()
      await server.stop()
    },
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function isOk(node: RedisClusterNode, nodes: number): Promise<boolean> {
  const info = String(await node.send('CLUSTER', 'INFO'))
  return (
    info.includes('cluster_state:ok') &&
    info.includes(`cluster_slots_assigned:${slots}`) &&
    info.includes(`cluster_known_nodes:${nodes}`)
  )
}
