// The Redis Streams sink keeps the laws of sinks (I9) on a real server, also when the connection is cut
// before or after the server has carried a call out, and on a cluster, where events go to
// several streams.
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe } from 'vitest'
import type { SinkFaults, SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'
import type { RedisStreamsSinkOptions } from '../../../src/transports/redis-streams.ts'
import { redisStreamsSink } from '../../../src/transports/redis-streams.ts'
import type { RedisClusterServers } from '../../services/redis-cluster.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'
import { cutNextScript, ownKey } from '../transports/redis-streams-world.ts'
import { keepsTheSinkLaws } from './run-sink-suite.ts'

type Entries = readonly { readonly message: Record<string, string> }[]

function sinkWorld(options: {
  readonly keys: readonly string[]
  readonly sink: RedisStreamsSinkOptions
  readonly read: (key: string) => Promise<Entries>
  readonly faults?: SinkFaults
}): Promise<SinkWorld> {
  const { keys, sink, read, faults } = options
  return Promise.resolve({
    sink: () => redisStreamsSink(sink),
    arrived: async () => {
      const all = await Promise.all(keys.map(read))
      return all.flat().map(({ message }) => message['data'] ?? '')
    },
    faults: faults ?? 'failing is shown behind a proxy',
    dispose: async () => undefined,
  })
}

describe('a Redis server', () => {
  let server: RedisServer
  let proxy: TcpProxy
  const open = async (url: string) => createClient({ url }).connect()
  let client: Awaited<ReturnType<typeof open>>
  const read = async (key: string): Promise<Entries> => (await client.xRange(key, '-', '+')) ?? []

  beforeAll(async () => {
    server = await startRedis()
    proxy = await startProxy(server.port)
    client = await open(server.url)
  })
  afterAll(async () => {
    client.destroy()
    await proxy.stop()
    await server.stop()
  })

  describe("through the caller's client", () => {
    keepsTheSinkLaws(() => {
      const stream = ownKey()
      return sinkWorld({ keys: [stream], sink: { client, stream }, read })
    })
  })
  for (const fate of ['cut-before', 'cut-after'] as const) {
    describe(`at a URL, and a connection that is lost (${fate})`, () => {
      keepsTheSinkLaws(() => {
        const stream = ownKey()
        const failNextSend = (): void => cutNextScript(proxy, fate)
        const url = `redis://127.0.0.1:${proxy.port}`
        return sinkWorld({ keys: [stream], sink: { url, stream }, read, faults: { failNextSend } })
      })
    })
  }
})

describe('a Redis cluster', () => {
  let servers: RedisClusterServers
  const open = async (urls: readonly string[]) =>
    createCluster({ rootNodes: urls.map((url) => ({ url })) }).connect()
  let client: Awaited<ReturnType<typeof open>>

  beforeAll(async () => {
    servers = await startRedisCluster()
    client = await open(servers.urls)
  })
  afterAll(async () => {
    client.destroy()
    await servers.stop()
  })
  const read = async (key: string): Promise<Entries> => (await client.xRange(key, '-', '+')) ?? []
  keepsTheSinkLaws(() => {
    const key = ownKey()
    const keys = ['a', 'b', 'c', 'd', 'e', 'odd'].map((stream) => `${key}-${stream}`)
    const streamOf = ({ stream }: { readonly stream: string }): string => `${key}-${stream}`
    return sinkWorld({ keys, sink: { client, streamOf }, read })
  })
})
