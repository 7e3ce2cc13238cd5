// The Redis store passes the store suite on a real cluster of two nodes.
import { createCluster } from 'redis'
import { afterAll, beforeAll } from 'vitest'
import type { RedisCluster } from '../../../src/stores/redis.ts'
import type { RedisClusterServers } from '../../services/redis-cluster.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'
import { redisCapabilities, redisFixture } from './redis-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

let servers: RedisClusterServers
let client: RedisCluster & { destroy(): void }

beforeAll(async () => {
  servers = await startRedisCluster()
  const cluster = createCluster({ rootNodes: servers.urls.map((url) => ({ url })) })
  await cluster.connect()
  client = cluster
})

afterAll(async () => {
  client.destroy()
  await servers.stop()
})

runStoreSuite({
  name: 'Redis store on a cluster',
  capabilities: redisCapabilities,
  create: () => redisFixture(client),
})
