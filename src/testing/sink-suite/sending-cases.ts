// The laws of sending: everything arrives whole and once, in the order of its stream, and is there to stay as
// soon as the send has resolved.
import { deepEqual, equal, notEqual } from 'node:assert/strict'
import type { SinkCase } from './sink-world.ts'
import { numbersIn, patient, sample, samples } from './sink-world.ts'

const oddData: readonly unknown[] = [
  {},
  null,
  'line\nbreak, "quotes", tab\t and \u0000',
  ['žluťoučký kůň 🐎 \u2028 \u2029', '\ud83d'],
  { big: '9007199254740993', small: -0.5, none: null, deep: [[[{ a: [] }]]] },
  'x'.repeat(300_000),
]

const valueOf = (text: string): unknown => JSON.parse(text)

const count = (from: number, to: number): number[] => samples('-', from, to).map(({ sequence }) => sequence)

/** The laws of sending. */
export const sendingCases: readonly SinkCase[] = [
  {
    name: 'messages arrive as they were sent, whatever is in them',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      const messages = oddData.map((data, index) => sample('odd', index + 1, data))
      await sink.send(messages, patient())
      await sink.close()
      deepEqual(
        (await world.arrived()).map(valueOf),
        messages.map(({ json }) => valueOf(json)),
      )
    },
  },
  {
    name: 'what was sent has arrived when the send resolves, before anything is closed',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      await sink.send(samples('a', 1, 3), patient())
      deepEqual(await numbersIn(world, 'a'), [1, 2, 3])
      await sink.close()
    },
  },
  {
    name: 'a stream arrives in the order of its list, and list after list (I1)',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      for (let from = 1; from <= 400; from += 50) {
        const [own, other] = [samples('a', from, from + 49), samples('b', from, from + 49)]
        await sink.send(
          own.flatMap((message, index) => [message, ...other.slice(index, index + 1)]),
          patient(),
        )
      }
      await sink.close()
      deepEqual(await numbersIn(world, 'a'), count(1, 400))
      deepEqual(await numbersIn(world, 'b'), count(1, 400))
    },
  },
  {
    name: 'several sends are under way at once, of different streams, and each stream is whole and in order',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      const streams = ['a', 'b', 'c', 'd', 'e']
      await Promise.all(
        streams.map(async (stream) => {
          for (let from = 1; from <= 100; from += 20) {
            await sink.send(samples(stream, from, from + 19), patient())
          }
        }),
      )
      await sink.close()
      for (const stream of streams) deepEqual(await numbersIn(world, stream), count(1, 100))
    },
  },
  {
    name: 'a sink goes on behind what others sent before it: nothing is lost by opening or closing',
    run: async (world) => {
      for (let from = 1; from <= 30; from += 10) {
        const sink = world.sink()
        await sink.open()
        await sink.send(samples('a', from, from + 9), patient())
        await sink.close()
      }
      deepEqual(await numbersIn(world, 'a'), count(1, 30))
    },
  },
  {
    name: 'a sink that was closed can be opened again',
    run: async (world) => {
      const sink = world.sink()
      for (let number = 1; number <= 3; number++) {
        await sink.open()
        await sink.send(samples('a', number, number), patient())
        await sink.close()
      }
      deepEqual(await numbersIn(world, 'a'), [1, 2, 3])
    },
  },
  {
    name: 'the same message sent again does not push one behind it forward',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      await sink.send(samples('a', 1, 3), patient())
      await sink.send(samples('a', 1, 5), patient())
      await sink.close()
      deepEqual([...new Set(await numbersIn(world, 'a'))], [1, 2, 3, 4, 5])
    },
  },
  {
    name: 'an empty list is sent at once and leaves nothing',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      await sink.send([], patient())
      await sink.close()
      deepEqual(await world.arrived(), [])
    },
  },
  {
    name: 'closing waits for the sends under way',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      const sending = sink.send(samples('a', 1, 50), patient())
      await sink.close()
      await sending
      equal((await numbersIn(world, 'a')).length, 50)
    },
  },
  {
    name: 'the sink says where it sends to',
    run: async (world) => {
      const sink = world.sink()
      equal(typeof sink.name, 'string')
      notEqual(sink.name, '')
    },
  },
]
