// Laws of retention: what is removed is said, numbers go on, and the archive has it first. I3 and I7.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { BelowRetention } from '../../core/append-errors.ts'
import type { LoggedEvent } from '../../core/logged-event.ts'
import { errorText } from '../../core/thrown.ts'
import type { EventLog } from '../../ports/event-log.ts'
import { expectError } from '../store-suite/expect-error.ts'
import type { EventLogCase } from './event-log-case.ts'
import { account, all, ids, to } from './samples.ts'

async function firstOf(call: () => Promise<unknown>): Promise<number> {
  const failure: unknown = await call().then(
    () => undefined,
    (error: unknown) => error,
  )
  ok(failure instanceof BelowRetention, `expected a BelowRetention, not ${errorText(failure)}`)
  equal(failure.code, 'below-retention')
  return failure.first
}

/** Laws of retention. */
export const trimCases: readonly EventLogCase[] = [
  {
    name: 'what lies below a place is removed, and the numbers go on (I1)',
    run: async ({ log }) => {
      const [, b] = await log.appendAll([to('a', ids(4)), to('b', ids(3))])
      const before = b?.events[1]?.place ?? 0
      deepEqual(await log.trim({ before }), { removed: 5, first: before })
      deepEqual(await log.bounds(account('a')), { first: 5, last: 4 })
      deepEqual(await log.bounds(account('b')), { first: 2, last: 3 })
      deepEqual(await log.trim({ before }), { removed: 0, first: before })
      const { events } = await log.append(to('a', ['e5'], 4))
      equal(events[0]?.sequence, 5)
      await expectError('append-conflict', () => log.append(to('a', ['x'], 'none')))
    },
  },
  {
    name: 'reading what was removed is an error that tells where the log begins, never less (I3)',
    run: async ({ log }) => {
      const { events } = await log.append(to('a', ids(10)))
      const before = events[6]?.place ?? 0
      await log.trim({ before })
      equal(await firstOf(() => all(log.read(account('a')))), 7)
      equal(await firstOf(() => all(log.read({ ...account('a'), from: 6 }))), 7)
      equal(await firstOf(() => all(log.read({ ...account('a'), from: 2, to: 3 }))), 7)
      equal(await firstOf(() => all(log.readAll())), before)
      equal(await firstOf(() => all(log.readAll({ after: before - 2 }))), before)
      equal(await firstOf(() => log.page({ after: 0, limit: 5 })), before)
      equal((await all(log.readAll({ after: before - 1 }))).length, 4)
      equal((await all(log.readAll({ after: 'kept' }))).length, 4)
      equal((await all(log.read({ ...account('a'), from: 'kept' }))).length, 4)
      equal((await all(log.read({ ...account('a'), from: 7 }))).length, 4)
    },
  },
  {
    name: 'reading backwards gives what is there, and the error where it was removed (I3)',
    run: async ({ log }) => {
      const { events } = await log.append(to('a', ids(10)))
      await log.trim({ before: events[6]?.place ?? 0 })
      const seen: number[] = []
      const reading = async (): Promise<void> => {
        for await (const { sequence } of log.read({ ...account('a'), backwards: true })) seen.push(sequence)
      }
      equal(await firstOf(reading), 7)
      deepEqual(seen, [10, 9, 8, 7])
      equal((await all(log.read({ ...account('a'), backwards: true, limit: 4 }))).length, 4)
      equal((await all(log.read({ ...account('a'), backwards: true, from: 'kept' }))).length, 4)
    },
  },
  {
    name: 'a log that is trimmed to its end is empty, and goes on',
    run: async ({ log }) => {
      await log.appendAll([to('a', ids(450)), to('b', ids(3))])
      const { last } = await log.bounds()
      deepEqual(await log.trim({ before: last + 100 }), { removed: 453, first: last + 1 })
      deepEqual(await log.bounds(), { first: last + 1, last })
      equal(await firstOf(() => all(log.readAll())), last + 1)
      deepEqual(await all(log.readAll({ after: last })), [])
      const { events } = await log.append(to('a', ['new']))
      deepEqual([events[0]?.sequence, (events[0]?.place ?? 0) > last], [451, true])
      deepEqual(await all(log.readAll({ after: 'kept' })), events)
    },
  },
  {
    name: 'a date removes the longest beginning that is older',
    run: async ({ log, advanceTime }) => {
      const first = await log.append(to('a', ids(3)))
      await advanceTime(1_000)
      const second = await log.append(to('a', ids(3, 'f')))
      equal((await log.trim({ before: new Date(first.events[0]?.appendedAt ?? 0) })).removed, 0)
      equal((await log.trim({ before: new Date(second.events[0]?.appendedAt ?? 0) })).removed, 3)
      await expectError('config-invalid', () => log.trim({ before: new Date('never') }))
    },
  },
  {
    name: 'the archive gets everything in order before it is removed, and a failing one keeps it (I3)',
    run: async ({ log }) => {
      await log.append(to('a', ids(500)))
      const everything = await all(log.readAll())
      const archived: LoggedEvent[] = []
      const failing = async (events: readonly LoggedEvent[]): Promise<void> => {
        if (archived.length > 0) throw new Error('the archive is full')
        archived.push(...events)
      }
      let failed = false
      await log.trim({ before: 10_000, archive: failing }).catch(() => (failed = true))
      ok(failed)
      deepEqual(await all(log.readAll({ after: 'kept' })), everything.slice(archived.length))
      await log.trim({
        before: 10_000,
        archive: async (events) => {
          archived.push(...events)
        },
      })
      deepEqual(archived, everything)
    },
  },
  {
    name: 'ids of removed events are forgotten, those of kept ones are not',
    run: async ({ log }) => {
      const { events } = await log.append(to('a', ids(3)))
      await log.trim({ before: events[2]?.place ?? 0 })
      equal((await log.append(to('a', ['e3']))).duplicate, true)
      equal((await log.append(to('a', ['e1']))).duplicate, false)
      deepEqual(
        (await all(log.readAll({ after: 'kept' }))).map(({ id }) => id),
        ['e3', 'e1'],
      )
    },
  },
  overtaken('the log', (log) => log.readAll()),
  overtaken('a stream', (log) => log.read(account('a'))),
]

/** A reader that retention overtakes is told so, in front of the first event that it would have missed. */
function overtaken(what: string, read: (log: EventLog) => AsyncIterable<LoggedEvent>): EventLogCase {
  return {
    name: `a reader of ${what} that retention overtakes is told so (I3)`,
    run: async ({ log }) => {
      await log.append(to('a', ids(900)))
      const { last } = await log.bounds()
      const seen: number[] = []
      const reading = async (): Promise<void> => {
        for await (const { sequence } of read(log)) {
          seen.push(sequence)
          if (seen.length === 1) await log.trim({ before: last - 100 })
        }
      }
      equal(await firstOf(reading), last - 100)
      deepEqual(
        seen,
        seen.map((_, index) => index + 1),
      )
    },
  }
}
