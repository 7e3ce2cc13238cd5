// All that speaks to Redis passes its suites with a client of version 5 of ioredis too.
import { expect, test, vi } from 'vitest'

vi.mock('ioredis', () => import('ioredis5'))

test('these suites run with version 5', async () => {
  const [used, version5] = await Promise.all([import('ioredis'), import('ioredis5')])
  expect(used.Redis).toBe(version5.Redis)
})

await import('./ioredis.test.ts')
