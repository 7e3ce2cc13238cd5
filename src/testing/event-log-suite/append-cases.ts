// Laws of appending: numbers are dense, expectations are kept, and a retry finds what it did. I1, I3 and I7.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { AppendConflict } from '../../core/append-errors.ts'
import { ExactNumber } from '../../core/exact-number.ts'
import { errorText } from '../../core/thrown.ts'
import { expectError } from '../store-suite/expect-error.ts'
import type { EventLogCase } from './event-log-case.ts'
import { account, all, ids, idsOf, numbersOf, sample, to } from './samples.ts'

async function conflictOf(call: () => Promise<unknown>): Promise<number> {
  const failure: unknown = await call().then(
    () => undefined,
    (error: unknown) => error,
  )
  ok(failure instanceof AppendConflict, `expected an AppendConflict, not ${errorText(failure)}`)
  equal(failure.code, 'append-conflict')
  return failure.actual
}

/** Laws of appending. */
export const appendCases: readonly EventLogCase[] = [
  {
    name: 'numbers are dense from 1 in each stream, and places rise over all of them (I1)',
    run: async ({ log }) => {
      const first = await log.append(to('a', ['a1', 'a2']))
      await log.append(to('b', ['b1']))
      const second = await log.append(to('a', ['a3']))
      equal(first.duplicate, false)
      deepEqual([first.position, second.position], [2, 3])
      deepEqual(await numbersOf(log, 'a'), [1, 2, 3])
      deepEqual(await numbersOf(log, 'b'), [1])
      const places = (await all(log.readAll())).map(({ place }) => place)
      ok(places.every((place, index) => place > (places[index - 1] ?? 0)))
      deepEqual(await idsOf(log), ['a1', 'a2', 'b1', 'a3'])
    },
  },
  {
    name: 'what comes back from an append is what is read',
    run: async ({ log }) => {
      const { events } = await log.append(to('a', ids(3)))
      deepEqual(await all(log.read(account('a'))), events)
      deepEqual(await all(log.readAll()), events)
      equal(events[0]?.epoch, 0)
      ok(!Number.isNaN(Date.parse(events[0]?.time ?? '')))
    },
  },
  {
    name: 'an expected position that is not the stream’s refuses, and tells where the stream is',
    run: async ({ log }) => {
      equal(await conflictOf(() => log.append(to('a', ['x'], 1))), 0)
      await log.append(to('a', ['e1'], 'none'))
      await log.append(to('a', ['e2'], 1))
      await log.append(to('a', ['e3'], 'any'))
      equal(await conflictOf(() => log.append(to('a', ['x'], 'none'))), 3)
      equal(await conflictOf(() => log.append(to('a', ['x'], 0))), 3)
      equal(await conflictOf(() => log.append(to('a', ['x'], 2))), 3)
      equal(await conflictOf(() => log.append(to('a', ['x'], 4))), 3)
      await log.append(to('b', ['e1'], 0))
      deepEqual(await idsOf(log), ['e1', 'e2', 'e3', 'e1'])
    },
  },
  {
    name: 'of several appends that expect the same position one wins (I5)',
    run: async ({ log }) => {
      const racing = ids(8).map((id) => log.append(to('a', [id], 'none')))
      const ended = await Promise.allSettled(racing)
      equal(ended.filter(({ status }) => status === 'fulfilled').length, 1)
      deepEqual(await numbersOf(log, 'a'), [1])
    },
  },
  {
    name: 'events that are there already keep their numbers, whatever is expected by now (I3)',
    run: async ({ log }) => {
      const first = await log.append(to('a', ['e1', 'e2'], 'none'))
      await log.append(to('a', ['e3']))
      const again = await log.append(to('a', ['e1', 'e2'], 'none'))
      deepEqual(again, { ...first, duplicate: true, position: 3 })
      const reversed = await log.append(to('a', ['e2', 'e1']))
      deepEqual(
        reversed.events.map(({ id, sequence }) => [id, sequence]),
        [
          ['e2', 2],
          ['e1', 1],
        ],
      )
      equal((await log.append(to('b', ['e1']))).duplicate, false)
      equal((await log.bounds()).last, 4)
    },
  },
  {
    name: 'content is what a value is, not how it is written',
    run: async ({ log }) => {
      const event = sample('e1', { b: 2n, a: [1, undefined], at: new Date(0) })
      await log.append({ ...account('a'), events: [event] })
      const same = sample('e1', { a: [1, null], at: '1970-01-01T00:00:00.000Z', b: 2n })
      equal(
        (await log.append({ ...account('a'), events: [{ ...same, time: '2020-01-01' }] })).duplicate,
        true,
      )
      const other = sample('e1', { a: [1, null], at: '1970-01-01T00:00:00.000Z', b: 2 })
      await expectError('id-conflict', () => log.append({ ...account('a'), events: [other] }))
    },
  },
  {
    name: 'an id that is there with other content is refused, never taken for a copy (I3)',
    run: async ({ log }) => {
      await log.append(to('a', ['e1', 'e2']))
      const other = { ...account('a'), events: [sample('e1', { of: 'somebody else' })] }
      await expectError('id-conflict', () => log.append(other))
      const typed = { ...account('a'), events: [{ ...sample('e2'), type: 'account.closed' }] }
      await expectError('id-conflict', () => log.append(typed))
      await expectError('id-conflict', () => log.append(to('a', ['n', 'n'])))
      deepEqual(await idsOf(log), ['e1', 'e2'])
    },
  },
  {
    name: 'a batch of which some is there already is refused, and nothing of it is appended (I3)',
    run: async ({ log }) => {
      await log.append(to('a', ['e1']))
      await expectError('append-partly-known', () => log.append(to('a', ['e1', 'e2'])))
      await expectError('append-partly-known', () => log.appendAll([to('a', ['e1']), to('b', ['e1'])]))
      deepEqual(await idsOf(log), ['e1'])
    },
  },
  {
    name: 'a batch over several streams is appended as a whole or not at all (I2)',
    run: async ({ log }) => {
      const [a, b] = await log.appendAll([to('a', ['a1', 'a2'], 'none'), to('b', ['b1'], 'none')])
      deepEqual([a?.position, b?.position], [2, 1])
      await expectError('append-conflict', () => log.appendAll([to('a', ['a3'], 2), to('b', ['b2'], 7)]))
      deepEqual(await idsOf(log), ['a1', 'a2', 'b1'])
      const again = await log.appendAll([to('a', ['a1', 'a2'], 'none'), to('b', ['b1'], 'none')])
      deepEqual(
        again.map(({ duplicate }) => duplicate),
        [true, true],
      )
    },
  },
  {
    name: 'one stream may be in a batch more than once: its numbers go on',
    run: async ({ log }) => {
      const appended = await log.appendAll([to('a', ['1'], 'none'), to('b', ['1']), to('a', ['2'], 1)])
      deepEqual(
        appended.map(({ position }) => position),
        [1, 1, 2],
      )
      deepEqual(await numbersOf(log, 'a'), [1, 2])
    },
  },
  {
    name: 'an entry without events only expects',
    run: async ({ log }) => {
      await log.append(to('a', ['a1']))
      await log.appendAll([to('a', [], 1), to('b', ['b1'])])
      await expectError('append-conflict', () => log.appendAll([to('a', [], 2), to('b', ['b2'])]))
      const nothing = await log.append(to('c', []))
      deepEqual([nothing.position, nothing.duplicate, nothing.events], [0, false, []])
      deepEqual(await idsOf(log), ['a1', 'b1'])
    },
  },
  {
    name: 'appends that are not awaited take the order of their calls, also if one fails (I1)',
    run: async ({ log }) => {
      const appends = [
        log.append(to('a', ids(50, 'many'))),
        log.append(to('a', [''])),
        log.append(to('a', ['one'])),
        log.append(to('a', ['other'], 7)),
        log.appendAll([to('b', ['two']), to('a', ['three'])]),
      ]
      const ended = await Promise.allSettled(appends)
      deepEqual(
        ended.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      )
      deepEqual(await idsOf(log), [...ids(50, 'many'), 'one', 'two', 'three'])
    },
  },
  {
    name: 'data comes back as it was given, whatever is in it',
    run: async ({ log }) => {
      const odd: readonly unknown[] = [
        null,
        undefined,
        0,
        '',
        [[[]]],
        2n ** 80n,
        { $bigint: '1', text: 'line\nbreak \u0000 🐎 \u2028', deep: [{ bytes: new Uint8Array([0, 255]) }] },
        [new ExactNumber('9007199254740993'), new ExactNumber('0.1000000000000000000001'), -0, 2 ** 60],
        'x'.repeat(100_000),
      ]
      await log.append({
        ...account('a'),
        events: odd.map((data, index) => ({ ...sample(`e${index}`), data })),
      })
      deepEqual(
        (await all(log.read(account('a')))).map(({ data }) => data),
        odd,
      )
    },
  },
  {
    name: 'data has one form, what has no JSON is refused, and numbers are compared as they came (I3)',
    run: async ({ log }) => {
      const append = (data: unknown) => log.append({ ...account('a'), events: [{ ...sample('e'), data }] })
      for (const nothing of [new Map(), { a: [Number.NaN] }, () => 1]) {
        await expectError('event-invalid', () => append(nothing))
      }
      const number = (text: string): object => ({ at: new Date(0), number: new ExactNumber(text) })
      await append(number('9007199254740993'))
      equal((await append(number('9007199254740993'))).duplicate, true)
      await expectError('id-conflict', () => append(number('9007199254740992')))
      const [event] = await all(log.read(account('a')))
      deepEqual(event?.data, { ...number('9007199254740993'), at: '1970-01-01T00:00:00.000Z' })
    },
  },
  {
    name: 'streams, ids and types may be any text; time and attributes are kept',
    run: async ({ log }) => {
      const names = ['a/b c', '🐎', 'a', 'A', 'a ', '%2F', 'null\u0000byte', "it's"]
      const attributes = { traceparent: '00-ab', retries: 3, urgent: true }
      for (const name of names) {
        const event = { id: name, type: name, time: '2026-01-31T12:00:00+01:00', attributes, data: name }
        await log.append({ domain: name, stream: name, events: [event] })
      }
      const read = await all(log.readAll())
      deepEqual(
        read.map(({ domain, stream, id, type, data }) => [domain, stream, id, type, data]),
        names.map((name) => [name, name, name, name, name]),
      )
      deepEqual([read[0]?.time, read[0]?.attributes], ['2026-01-31T12:00:00+01:00', attributes])
      for (const name of names) equal((await all(log.read({ domain: name, stream: name }))).length, 1)
    },
  },
  {
    name: 'an event that lacks something or cannot be kept is refused with its batch (I7)',
    run: async ({ log }) => {
      const circle: { self?: unknown } = {}
      circle.self = circle
      const wrong = [
        sample(''),
        { ...sample('e'), type: '' },
        { ...sample('e'), time: 'yesterday' },
        { ...sample('e'), attributes: { 'Not-Lower': 1 } },
        sample('e', circle),
        sample('e', () => 1),
        sample('x'.repeat(5_000)),
        sample('\ud800'),
        sample('e', 'x'.repeat(2_000_000)),
        { ...sample('e'), attributes: { traceparent: 'x'.repeat(2_000_000) } },
      ]
      for (const event of wrong) {
        const events = [sample('fine'), event]
        await expectError('event-invalid', () => log.append({ ...account('a'), events }))
      }
      await expectError('event-invalid', () => log.append({ ...account(''), events: [sample('e')] }))
      await expectError('event-invalid', () => log.append(to('a', ['e'], -1)))
      deepEqual(await idsOf(log), [])
    },
  },
]
