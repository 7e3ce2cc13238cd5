// The Redis store passes the store suite, on a real server.
import { afterAll, beforeAll } from 'vitest'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TestClient } from './redis-fixture.ts'
import { connectedClient, redisCapabilities, redisFixture } from './redis-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

let server: RedisServer
let client: TestClient

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})

afterAll(async () => {
  client.destroy()
  await server.stop()
})

runStoreSuite({ name: 'Redis store', capabilities: redisCapabilities, create: () => redisFixture(client) })
