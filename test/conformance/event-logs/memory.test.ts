// The event log in memory passes the event-log suite (I9).
import { memoryEventLog } from '../../../src/stores/memory.ts'
import type { EventLogFixture } from '../../../src/testing/event-log-suite/event-log-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

async function create(): Promise<EventLogFixture> {
  const timers = new VirtualTimers()
  const log = memoryEventLog({ timers, now: () => 1_700_000_000_000 + timers.elapsedMs() })
  await log.open()
  return { log, advanceTime: (ms) => timers.advance(ms), cleanup: () => log.close() }
}

runEventLogSuite({
  name: 'event log in memory',
  capabilities: {
    transaction: 'there is no user data in memory to write beside it',
    handles: 'the log is one object',
    durable: 'memory ends with the process',
  },
  create,
})
