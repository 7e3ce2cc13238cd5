// Laws of reading: any range, either way, page by page, and following along without missing anything. I1, I3.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { LoggedEvent } from '../../core/logged-event.ts'
import type { EventLog, StreamRead } from '../../ports/event-log.ts'
import { expectError } from '../store-suite/expect-error.ts'
import type { EventLogCase } from './event-log-case.ts'
import { account, all, ids, to } from './samples.ts'

async function sequences(log: EventLog, read: Omit<StreamRead, 'domain' | 'stream'>): Promise<number[]> {
  return (await all(log.read({ ...account('a'), ...read }))).map(({ sequence }) => sequence)
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)

/** Laws of reading. */
export const readCases: readonly EventLogCase[] = [
  {
    name: 'a stream is read over any range, forwards and backwards, over many pages (I1)',
    run: async ({ log }) => {
      await log.appendAll([to('b', ids(3)), to('a', ids(650)), to('b', ids(3, 'f'))])
      deepEqual(await sequences(log, {}), range(1, 650))
      deepEqual(await sequences(log, { backwards: true }), range(1, 650).reverse())
      deepEqual(await sequences(log, { from: 640 }), range(640, 650))
      deepEqual(await sequences(log, { from: 3, to: 5 }), [3, 4, 5])
      deepEqual(await sequences(log, { from: 3, to: 5, backwards: true }), [5, 4, 3])
      deepEqual(await sequences(log, { from: 3, to: 5, limit: 2 }), [3, 4])
      deepEqual(await sequences(log, { backwards: true, limit: 2 }), [650, 649])
      deepEqual(await sequences(log, { from: 5, to: 3 }), [])
      deepEqual(await sequences(log, { from: 651 }), [])
      deepEqual(await sequences(log, { to: 9_999, from: 649 }), [649, 650])
      deepEqual(await sequences(log, { limit: 401, from: 'kept' }), range(1, 401))
    },
  },
  {
    name: 'a stream that is not there is empty',
    run: async ({ log }) => {
      deepEqual(await sequences(log, {}), [])
      deepEqual(await sequences(log, { backwards: true }), [])
      deepEqual(await log.bounds(account('a')), { first: 1, last: 0 })
      deepEqual(await log.bounds(), { first: 1, last: 0 })
    },
  },
  {
    name: 'a range that is none is refused',
    run: async ({ log }) => {
      for (const wrong of [{ from: 0 }, { to: 1.5 }, { limit: -1 }, { from: Number.NaN }]) {
        await expectError('config-invalid', () => sequences(log, wrong))
      }
      await expectError('config-invalid', () => all(log.readAll({ after: -1 })))
    },
  },
  {
    name: 'the whole log is read in the order of places, filtered by domain and type (I1)',
    run: async ({ log }) => {
      for (let index = 0; index < 450; index++) {
        const domain = index % 3 === 0 ? 'chat' : 'account'
        const type = index % 5 === 0 ? 'account.opened' : index % 2 === 0 ? 'account.closed' : 'other'
        await log.append({ domain, stream: `${index % 7}`, events: [{ id: `${index}`, type, data: index }] })
      }
      const read = async (filter: Parameters<EventLog['readAll']>[0]): Promise<unknown[]> =>
        (await all(log.readAll(filter))).map(({ data }) => data)
      deepEqual(await read({}), range(0, 449))
      const chat = range(0, 449).filter((index) => index % 3 === 0)
      deepEqual(await read({ domains: ['chat'] }), chat)
      deepEqual(await read({ domains: ['chat'], limit: 3 }), [0, 3, 6])
      deepEqual(
        await read({ types: ['account.opened'], domains: ['chat', 'account'] }),
        range(0, 89).map((n) => n * 5),
      )
      const typed = range(0, 449).filter((index) => index % 5 === 0 || index % 2 === 0)
      deepEqual(await read({ types: ['account.*'] }), typed)
      deepEqual(await read({ domains: [] }), [])
      deepEqual(await read({ types: ['nothing'] }), [])
    },
  },
  {
    name: 'reading goes on behind any place (I3)',
    run: async ({ log }) => {
      await log.appendAll([to('a', ids(5)), to('b', ids(5)), to('a', ids(5, 'f'))])
      const everything = await all(log.readAll())
      for (const [index, { place }] of everything.entries()) {
        deepEqual(await all(log.readAll({ after: place })), everything.slice(index + 1))
      }
    },
  },
  {
    name: 'pages reach the end without missing or repeating, also where few events fit (I3)',
    run: async ({ log }) => {
      for (let index = 0; index < 30; index++)
        await log.append(to(index % 10 === 9 ? 'b' : 'a', [`e${index}`]))
      await log.append({ domain: 'rare', stream: 'r', events: [{ id: 'r', type: 't', data: 1 }] })
      for (const filter of [{}, { domains: ['rare'] }]) {
        const seen: LoggedEvent[] = []
        let after = 0
        for (let isEnd = false; !isEnd;) {
          const page = await log.page({ ...filter, after, limit: 4 })
          ok(page.events.length <= 4)
          ok(page.through >= after)
          seen.push(...page.events)
          after = page.through
          isEnd = page.isEnd
        }
        deepEqual(seen, await all(log.readAll(filter)))
        equal(after, (await log.bounds()).last)
      }
    },
  },
  {
    name: 'an iterable that is left early asks for nothing more',
    run: async ({ log }) => {
      await log.append(to('a', ids(500)))
      const seen: number[] = []
      for await (const { sequence } of log.readAll()) {
        seen.push(sequence)
        if (sequence === 3) break
      }
      deepEqual(seen, [1, 2, 3])
    },
  },
  {
    name: 'a subscription catches up and goes on live, until its signal fires (I3)',
    run: async ({ log, advanceTime }) => {
      await log.append(to('a', ids(300)))
      const controller = new AbortController()
      const seen: string[] = []
      const following = (async () => {
        for await (const { id } of log.subscribe({ signal: controller.signal })) seen.push(id)
      })()
      const until = async (count: number): Promise<void> => {
        while (seen.length < count) await advanceTime(50)
      }
      await until(300)
      for (const id of ids(5, 'live')) {
        await log.append(to('b', [id]))
        await until(300 + Number(id.slice(4)))
      }
      controller.abort()
      await following
      deepEqual(seen, [...ids(300), ...ids(5, 'live')])
    },
  },
  {
    name: 'a subscription that few events fit goes on behind the others',
    run: async ({ log, advanceTime }) => {
      await log.append(to('a', ids(10)))
      const events: string[] = []
      const following = (async () => {
        for await (const { id } of log.subscribe({ after: 2, domains: ['rare'], limit: 2 })) events.push(id)
      })()
      for (const id of ['r1', 'r2', 'r3']) {
        await log.append({ domain: 'rare', stream: 'r', events: [{ id, type: 't', data: 1 }] })
        await advanceTime(1_000)
      }
      await following
      deepEqual(events, ['r1', 'r2'])
    },
  },
]
