// The event-log suite notices each of these broken logs (I9): a suite that lets one pass proves nothing.
import { expect, test } from 'vitest'
import type { StreamAppend } from '../../../src/core/logged-event.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { eventLogSkipReason } from '../../../src/testing/event-log-suite/event-log-case.ts'
import { eventLogSuite } from '../../../src/testing/event-log-suite/event-log-suite.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

type Broken = (log: EventLog) => Partial<EventLog>

const capabilities = { transaction: 'none', handles: 'one', durable: 'no' }

/** The laws that a log breaks. */
async function brokenLaws(broken: Broken): Promise<string[]> {
  const laws: string[] = []
  for (const one of eventLogSuite) {
    if (eventLogSkipReason(one, capabilities) !== undefined) continue
    const timers = new VirtualTimers()
    const log = memoryEventLog({ timers, now: () => 1_700_000_000_000 + timers.elapsedMs() })
    const made = broken(log)
    let waits = 0
    const fixture = {
      log: new Proxy(log, {
        get: (target, name) => {
          const own: unknown = Reflect.get(made, name)
          const value: unknown = own ?? Reflect.get(target, name)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      }),
      advanceTime: async (ms: number) => {
        // A reader that waits for what a broken log lost would wait for ever.
        if (++waits > 1_000) throw new Error('it waits for ever')
        await timers.advance(ms)
      },
      cleanup: () => log.close(),
    }
    await one.run(fixture).catch(() => laws.push(one.name))
  }
  return laws
}

/** `append` goes the way of a broken `appendAll`. */
function appending(appendAll: EventLog['appendAll']): Partial<EventLog> {
  const append = async (one: StreamAppend) => {
    const [appended] = await appendAll([one])
    if (appended === undefined) throw new Error('nothing was appended')
    return appended
  }
  return { append, appendAll }
}

const brokenLogs: Readonly<Record<string, Broken>> = {
  'expects nothing': (log) =>
    appending((appends) => log.appendAll(appends.map((append) => ({ ...append, expected: 'any' })))),
  'appends a retry again': (log) => {
    let calls = 0
    return appending((appends) => {
      calls++
      const events = (one: StreamAppend) =>
        one.events.map((event) => ({ ...event, id: `${event.id}#${calls}` }))
      return log.appendAll(appends.map((one) => ({ ...one, events: events(one) })))
    })
  },
  'appends stream by stream': (log) =>
    appending(async (appends) => {
      const all = []
      for (const one of appends) all.push(await log.append(one))
      return all
    }),
  'says that every append is new': (log) =>
    appending(async (appends) => (await log.appendAll(appends)).map((one) => ({ ...one, duplicate: false }))),
  'reads what is left without a word': (log) => ({
    read: (read) => log.read({ from: 'kept', ...read }),
    readAll: (read = {}) => log.readAll({ ...read, after: read.after ?? 'kept' }),
  }),
  'begins a stream anew after retention': (log) => ({
    bounds: async (stream) => ({ ...(await log.bounds(stream)), first: 1 }),
  }),
  'ends a subscription at the end of the log': (log) => ({ subscribe: (how = {}) => log.readAll(how) }),
  'forgets the filter': (log) => ({
    readAll: ({ after = 0 } = {}) => log.readAll({ after }),
  }),
  'repeats the last event of a page': (log) => ({
    page: async (request) => {
      const page = await log.page(request)
      return { ...page, through: page.isEnd ? page.through : page.through - 1 }
    },
  }),
  'removes before it archives': (log) => ({
    trim: async ({ archive, ...trim }) => {
      const trimmed = await log.trim(trim)
      await archive?.([])
      return trimmed
    },
  }),
  'takes anything for an event': (log) => ({
    append: async (append) => log.append(append).catch(() => log.append({ ...append, events: [] })),
  }),
}

test('a log without a fault breaks no law', async () => {
  expect(await brokenLaws(() => ({}))).toEqual([])
})

test.for(Object.entries(brokenLogs))('a log is noticed that %s', async ([, broken]) => {
  expect(await brokenLaws(broken)).not.toEqual([])
})
