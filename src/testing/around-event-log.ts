// An event log with something put around each of its calls. What is read by iterating is put together from
// its pages here, so that each page is a call that may fail.
import type { LogStream } from '../core/append-errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { AroundCall } from '../ports/port-call.ts'
import { countedCalls } from '../ports/port-call.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import { followPages, readPages } from '../storage/read-log.ts'

/** The calls of an event log; `read` is each step of reading a stream. */
export type EventLogMethod = Exclude<keyof EventLog, 'name' | 'durable' | 'readAll' | 'subscribe'>

/** Wraps an event log so that every call goes through `around`. Its subscriptions wait by `timers`. */
export function aroundEventLog(
  log: EventLog,
  around: AroundCall<EventLogMethod>,
  timers: Timers = systemTimers,
): EventLog {
  const run = countedCalls(around)
  const page: EventLog['page'] = (request) => run('page', () => log.page(request))
  return {
    name: log.name,
    durable: log.durable,
    open: () => run('open', () => log.open()),
    close: () => run('close', () => log.close()),
    append: (append) => run('append', () => log.append(append)),
    appendAll: (appends) => run('appendAll', () => log.appendAll(appends)),
    read: (read) => steps(log.read(read), (step) => run('read', step)),
    readAll: (read = {}) => readPages(page, read),
    subscribe: (subscription = {}) => followPages({ page, timers, pollMs: 100 }, subscription),
    page,
    bounds: (stream?: LogStream) => run('bounds', () => log.bounds(stream)),
    trim: (trim) => run('trim', () => log.trim(trim)),
  }
}

type Step<Item> = () => Promise<IteratorResult<Item, unknown>>

async function* steps<Item>(
  items: AsyncIterable<Item>,
  run: (step: Step<Item>) => ReturnType<Step<Item>>,
): AsyncGenerator<Item, void> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await run(() => iterator.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await iterator.return?.()
  }
}
