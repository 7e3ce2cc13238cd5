// The same consumer on inturn. The idempotency key goes along with the booking, and whoever books takes each
// key once; here Redis does, with HSETNX.
import { contiguous, defineConfig } from 'inturn'
import { redisStore } from 'inturn/stores/redis'
import { fileSource } from 'inturn/transports/file'
import { createClient } from 'redis'

const url = process.env['REDIS_URL'] ?? 'redis://localhost:6379'
const client = createClient({ url })
await client.connect()
client.unref()

export default defineConfig({
  consumer: 'bank',
  store: redisStore(url, { prefix: 'drop-in' }),
  source: fileSource('february.ndjson'),
  claim: '1s',
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'external',
      handle: async ({ id, data }, { idempotencyKey }) => {
        await client.hSetNX('drop-in:inturn', idempotencyKey, `${id} ${String(data)}`)
        if (id === process.env['DEADLY']) process.kill(process.pid, 'SIGKILL')
      },
    },
  },
})
