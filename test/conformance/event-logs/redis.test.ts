// The event log on Redis passes the event-log suite (I9), on a real server.
import { afterAll, beforeAll } from 'vitest'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TestClient } from '../stores/redis-fixture.ts'
import { connectedClient } from '../stores/redis-fixture.ts'
import { redisLogCapabilities, redisLogFixture } from './redis-fixture.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

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

runEventLogSuite({
  name: 'event log on Redis',
  capabilities: redisLogCapabilities,
  create: () => redisLogFixture(client),
})
