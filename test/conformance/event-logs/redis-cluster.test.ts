// The event log on Redis passes the event-log suite on a real cluster of two nodes (I9).
import { createCluster } from 'redis'
import { afterAll, beforeAll } from 'vitest'
import type { RedisCluster } from '../../../src/stores/redis.ts'
import type { RedisClusterServers } from '../../services/redis-cluster.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'
import { redisLogCapabilities, redisLogFixture } from './redis-fixture.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

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

runEventLogSuite({
  name: 'event log on a Redis cluster',
  capabilities: redisLogCapabilities,
  create: () => redisLogFixture(client),
})
