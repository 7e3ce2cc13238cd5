// The Redis store passes the store suite also where it waits for a replica.
import { afterAll, beforeAll } from 'vitest'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TestClient } from './redis-fixture.ts'
import { connectedClient, redisCapabilities, redisFixture } from './redis-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

let servers: readonly RedisServer[]
let client: TestClient

beforeAll(async () => {
  const primary = await startRedis(['--appendfsync', 'everysec'])
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)])
  servers = [replica, primary]
  client = await connectedClient(primary.url)
  // It counts once it has everything.
  while (Number(await client.sendCommand(['WAIT', '1', '100'])) < 1) {}
})

afterAll(async () => {
  client.destroy()
  for (const server of servers) await server.stop()
})

runStoreSuite({
  name: 'Redis store that waits for a replica',
  capabilities: redisCapabilities,
  create: () => redisFixture(client, { waitReplicas: { replicas: 1, timeoutMs: 30_000 } }),
})
