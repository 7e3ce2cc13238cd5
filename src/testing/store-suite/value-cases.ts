// Laws of values: whatever a stream is called and whatever an event carries comes back as it was. I3.
import { deepEqual, equal } from 'node:assert/strict'
import { ExactNumber } from '../../core/exact-number.ts'
import { streamPath } from '../../core/stream-path.ts'
import { at, commit, consumer, held, letter, moved, statesIn, upTo, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const names = [
  '',
  '%',
  '%25',
  '/',
  '..',
  'a b',
  "o'neill",
  '"',
  '\\',
  ';--',
  'ünïcode',
  '日本語',
  '😀',
  '\n',
  '\u0000',
]
const megabyte = 'x'.repeat(1024 * 1024)

const payloads: readonly unknown[] = [
  null,
  '',
  0,
  false,
  {},
  [],
  [[], {}, null],
  -0.1,
  [-0, { zero: -0, large: [2 ** 53, -(2 ** 69), 1e21, 2 ** 900] }],
  { cents: new ExactNumber('9007199254740993'), rate: new ExactNumber('0.1000000000000000000001') },
  { $bigint: '5', far: [new ExactNumber('1e400'), new ExactNumber('-9'.padEnd(60, '9'))], big: 5n },
  { nested: { deep: ['a', { b: 1 }] } },
  { big: 2n ** 64n, small: 5n, text: '5' },
  { $bigint: '5', $$bigint: [{ $bytes: 'x' }], $other: 1 },
  'quote \' " \\ % \u0000 \ud83d\ude00 \ud800',
  { 'odd key %': 1, '': 2 },
]

/** Laws of values. */
export const valueCases: readonly StoreCase[] = [
  {
    name: 'streams and domains may have any name (I3)',
    run: async ({ store }) => {
      const paths = names.flatMap((name) => [streamPath('account', name), streamPath(`d${name}`, 'a')])
      for (const mode of ['claim', 'transaction'] as const) {
        await commit(
          store,
          paths.map((path, index) => moved(path, index, { hold: [held(path, 7)], state: at(index) })),
          { mode, consumer: mode },
        )
        await work(store, { streams: paths, mode, consumer: mode }, async ({ streams, domains }) => {
          for (const [index, path] of paths.entries()) equal(streams.get(path)?.state.position, index)
          for (const name of names) equal(domains.get(`d${name}`)?.held, 1)
        })
      }
    },
  },
  {
    name: 'consumers, workers, leases and sources may have any name',
    run: async ({ store }) => {
      for (const name of names.filter((name) => name !== '')) {
        const path = streamPath('account', 'a')
        await commit(store, [moved(path, 3)], { consumer: name, worker: name })
        equal((await store.reader.stream(name, path))?.state.position, 3)
        const lease = await store.lease(name, { holder: name, ms: 1000 })
        equal(typeof lease?.fence, 'number')
        await store.checkpoint(name, name, name)
        equal(await store.checkpoint(name, name), name)
      }
    },
  },
  {
    name: 'an event comes back as it was, whatever it carries (I3)',
    run: async ({ store }) => {
      const path = streamPath('account', 'a')
      const events = payloads.map((data, index) => held(path, index + 2, { data }))
      await commit(store, [moved(path, 1, { hold: events, state: at(1, { heldCount: events.length }) })])
      await store.handOver(
        consumer,
        events.map(({ event }) => ({ stream: path, arrival: event })),
      )
      const { value } = await work(store, { streams: [path] }, async (unit) => {
        return {
          held: await unit.held([upTo(path, 99)]),
          inbox: await unit.inbox([{ stream: path, limit: 99 }]),
        }
      })
      deepEqual(value.held, events)
      deepEqual(
        value.inbox.map(({ arrival }) => arrival),
        events.map(({ event }) => event),
      )
    },
  },
  {
    name: 'an event keeps every field, and none that it has not (I3)',
    run: async ({ store }) => {
      const path = streamPath('account', 'a')
      const bare = { domain: 'account', stream: 'a', epoch: 0, sequence: 2, data: 1 }
      const full = {
        ...bare,
        epoch: 7,
        sequence: 2n ** 63n,
        wireSequence: 12,
        previous: null,
        id: 'i',
        type: 't',
        time: '2024-01-01T00:00:00Z',
        inexact: ['data'],
      }
      const hold = [bare, full].map((event) => ({ stream: path, event, print: 0xffffffff, heldAt: 1.5 }))
      await commit(store, [moved(path, 1, { hold })])
      const { value } = await work(store, { streams: [path] }, (unit) =>
        unit.held([upTo(path, 99), upTo(path, 2n ** 64n, 7)]),
      )
      deepEqual(value, hold)
    },
  },
  {
    name: 'an event of a megabyte is kept whole (I7)',
    run: async ({ store }) => {
      const path = streamPath('account', 'a')
      const hold = [held(path, 2, { data: { megabyte } })]
      await commit(store, [moved(path, 1, { hold })])
      await store.record(consumer, { deadLetters: [letter('k', { payload: megabyte })] })
      const { value } = await work(store, { streams: [path] }, (unit) => unit.held([upTo(path, 9)]))
      deepEqual(value, hold)
      equal((await store.reader.deadLetters(consumer, { limit: 1 }))[0]?.payload, megabyte)
    },
  },
  {
    name: 'positions and numbers of any size are kept exactly (I1)',
    run: async ({ store }) => {
      const numbers = [0, 1, Number.MAX_SAFE_INTEGER, 2n ** 64n, 2n ** 200n, -5]
      for (const mode of ['claim', 'transaction'] as const) {
        const paths = numbers.map((number) => streamPath(mode, String(number)))
        await commit(
          store,
          paths.map((path, index) => moved(path, numbers[index] ?? 0)),
          { mode },
        )
        const { value } = await work(store, { streams: paths, mode }, async (unit) => statesIn(unit))
        deepEqual(
          paths.map((path) => value.get(path)?.position),
          numbers,
        )
      }
    },
  },
]
