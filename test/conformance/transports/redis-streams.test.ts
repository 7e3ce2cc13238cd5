// The Redis Streams source keeps the laws of sources (I9) on a real server: on a connection of its own, on a
// client of the caller's, and on a cluster.
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe } from 'vitest'
import type { RedisClusterServers } from '../../services/redis-cluster.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'
import { streamsWorld } from './redis-streams-world.ts'

describe('a Redis server', () => {
  let server: RedisServer
  const open = async (url: string) => createClient({ url }).connect()
  let client: Awaited<ReturnType<typeof open>>
  const add = (key: string, messages: readonly string[]): Promise<unknown> =>
    Promise.all(messages.map((data) => client.xAdd(key, '*', { data })))

  beforeAll(async () => {
    server = await startRedis()
    client = await open(server.url)
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  describe('at a URL', () => {
    keepsTheSourceLaws(() => streamsWorld({ url: server.url }, add))
  })
  describe("through the caller's client", () => {
    keepsTheSourceLaws(() => streamsWorld({ client }, add))
  })
  describe("through the caller's client with an older protocol", () => {
    const older = async (url: string) => createClient({ url, RESP: 2 }).connect()
    let second: Awaited<ReturnType<typeof older>>
    beforeAll(async () => {
      second = await older(server.url)
    })
    afterAll(() => second.destroy())
    keepsTheSourceLaws(() => streamsWorld({ client: second }, add))
  })
})

describe('a Redis cluster', () => {
  let servers: RedisClusterServers
  const open = async (urls: readonly string[]) =>
    createCluster({ rootNodes: urls.map((url) => ({ url })) }).connect()
  let cluster: Awaited<ReturnType<typeof open>>
  const add = (key: string, messages: readonly string[]): Promise<unknown> =>
    Promise.all(messages.map((data) => cluster.xAdd(key, '*', { data })))

  beforeAll(async () => {
    servers = await startRedisCluster()
    cluster = await open(servers.urls)
  })
  afterAll(async () => {
    cluster.destroy()
    await servers.stop()
  })
  keepsTheSourceLaws(() => streamsWorld({ client: cluster }, add))
})
