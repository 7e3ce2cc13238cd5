// An event log as a source keeps the laws of sources (I9), in memory, in SQLite and in Redis.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { Source } from '../../../src/ports/source.ts'
import { logSource } from '../../../src/producer/log-source.ts'
import type { LogDelivery } from '../../../src/producer/log-source.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { redisEventLog } from '../../../src/stores/redis.ts'
import { sqliteEventLog } from '../../../src/stores/sqlite.ts'
import type { SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'
import { ownPrefix } from '../stores/redis-fixture.ts'

/** The suite looks at what was produced; a log carries it as the data of its events. */
function dataOnly(source: Source<LogDelivery>): Source {
  return {
    name: source.name,
    kind: source.kind,
    open: (checkpoint) => source.open(checkpoint),
    read: async (request) =>
      (await source.read(request)).map((delivery) => ({ ...delivery, message: delivery.message.data })),
    settle: (deliveries) => source.settle(deliveries as readonly LogDelivery[]),
    release: (deliveries, delayMs) => source.release(deliveries as readonly LogDelivery[], delayMs),
    isCaughtUp: () => source.isCaughtUp(),
    close: () => source.close(),
  }
}

async function logWorld(log: EventLog, remove: () => void): Promise<SourceWorld> {
  await log.open()
  let produced = 0
  return {
    features: new Set(['ordered', 'live'] as const),
    produce: async (messages) => {
      const events = messages.map((data) => ({ id: `e${++produced}`, type: 'produced', data }))
      await log.append({ domain: 'suite', stream: 'one', events })
      // What the source is not asked for must not disturb it.
      await log.append({
        domain: 'other',
        stream: 'one',
        events: [{ id: `o${produced}`, type: 't', data: 1 }],
      })
    },
    source: () => dataOnly(logSource(log, { domains: ['suite'], pollMs: 2 })),
    dispose: async () => {
      await log.close()
      remove()
    },
  }
}

describe('an event log in memory', () => {
  keepsTheSourceLaws(() => logWorld(memoryEventLog(), () => undefined))
})
describe('an event log in SQLite', () => {
  keepsTheSourceLaws(() => {
    const folder = mkdtempSync(join(tmpdir(), 'inturn-log-source-'))
    const log = sqliteEventLog(join(folder, 'log.db'), { synchronous: 'normal' })
    return logWorld(log, () => rmSync(folder, { recursive: true, force: true }))
  })
})
describe('an event log in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  keepsTheSourceLaws(() => {
    const log = redisEventLog(server.url, { prefix: ownPrefix(), onWarning: () => undefined })
    return logWorld(log, () => undefined)
  })
})
