// An event log on Redis for one case of the suite, on keys of its own. Virtual time moves its subscriptions,
// and is added to the server's clock.
import { Connection } from '../../../src/redis/connection.ts'
import type { RedisClient, RedisCluster } from '../../../src/redis/redis-client.ts'
import { RedisEventLog } from '../../../src/stores/redis/event-log/redis-event-log.ts'
import type {
  EventLogCapabilities,
  EventLogFixture,
} from '../../../src/testing/event-log-suite/event-log-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { ownPrefix, watchedClient } from '../stores/redis-fixture.ts'

export const redisLogCapabilities: EventLogCapabilities = {
  transaction: 'a script is a transaction of its own: nothing of a user can be written in it',
  handles: true,
  durable: true,
}

/** A fixture over a client. */
export async function redisLogFixture(client: RedisClient | RedisCluster): Promise<EventLogFixture> {
  const prefix = ownPrefix()
  const timers = new VirtualTimers()
  const watched = watchedClient(client)
  const opened: RedisEventLog[] = []
  const open = async (): Promise<RedisEventLog> => {
    const shiftMs = (): number => timers.elapsedMs()
    const connection = new Connection(watched.client, {
      name: 'redis',
      code: 'store-unavailable',
      replyMs: 60_000,
      shiftMs,
    })
    const log = new RedisEventLog({
      name: 'redis',
      connection,
      prefix,
      limits: {},
      timers,
      pollMs: 50,
      pollMaxMs: 500,
      onWarning: () => undefined,
    })
    await log.open()
    opened.push(log)
    return log
  }
  const log = await open()
  return {
    log,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await watched.allReplied()
    },
    secondHandle: open,
    reopen: async () => {
      await log.close()
      return open()
    },
    cleanup: async () => {
      for (const one of opened) await one.close()
    },
  }
}
