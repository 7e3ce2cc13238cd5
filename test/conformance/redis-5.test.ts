// All that speaks to Redis passes its suites with version 5 of the client library too, given to it or made of
// a URL.
import { expect, test, vi } from 'vitest'

vi.mock('redis', () => import('redis5'))

test('these suites run with version 5', async () => {
  const [used, version5] = await Promise.all([import('redis'), import('redis5')])
  expect(used.createClient).toBe(version5.createClient)
})

await import('./stores/redis.test.ts')
await import('./event-logs/redis.test.ts')
await import('./sinks/redis-streams.test.ts')
await import('./transports/redis-streams.test.ts')
