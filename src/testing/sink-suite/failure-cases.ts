// The laws of failing: an error of inturn, at most a beginning of each stream, and sending again brings the
// rest. They are what the order of a relay rests on.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { InturnError } from '../../core/errors.ts'
import type { Sink } from '../../ports/sink.ts'
import type { SinkCase, SinkWorld } from './sink-world.ts'
import { firstCopies, numbersIn, patient, samples } from './sink-world.ts'

/** The error of a call that has to fail. */
async function failureOf(call: Promise<void>): Promise<InturnError> {
  const outcome = await call.then(
    () => 'it resolved',
    (error: unknown) => error,
  )
  if (outcome instanceof InturnError) return outcome
  throw new Error(`the call should reject with an InturnError, and this came: ${String(outcome)}`)
}

async function failedSend(world: SinkWorld, sink: Sink): Promise<InturnError> {
  if (typeof world.faults === 'string') throw new Error('this case needs faults')
  await world.faults.failNextSend()
  const both = samples('a', 3, 40).flatMap((message, index) => [
    message,
    ...samples('b', 3, 40).slice(index, index + 1),
  ])
  return failureOf(sink.send(both, patient()))
}

/** The laws of failing. */
export const failureCases: readonly SinkCase[] = [
  {
    name: 'a send that fails says so, as an error that may be retried',
    needs: 'faults',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      const { code, retryable } = await failedSend(world, sink)
      deepEqual({ code, retryable }, { code: 'sink-unavailable', retryable: true })
      await sink.close()
    },
  },
  {
    name: 'of a send that failed a beginning of each stream has arrived, without a hole (I1)',
    needs: 'faults',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      for (const stream of ['a', 'b']) await sink.send(samples(stream, 1, 2), patient())
      await failedSend(world, sink)
      await sink.close()
      const again = world.sink()
      await again.open()
      await again.close()
      for (const stream of ['a', 'b']) {
        const numbers = firstCopies(await numbersIn(world, stream))
        ok(numbers.length >= 2, 'what had been sent before is there')
        deepEqual(
          numbers,
          [...numbers.keys()].map((index) => index + 1),
        )
      }
    },
  },
  {
    name: 'after a failure the same list is sent again, by the same sink, and everything is in order (I3)',
    needs: 'faults',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      for (const stream of ['a', 'b']) await sink.send(samples(stream, 1, 2), patient())
      await failedSend(world, sink)
      for (const stream of ['a', 'b']) await sink.send(samples(stream, 3, 60), patient())
      await sink.close()
      for (const stream of ['a', 'b']) {
        const numbers = firstCopies(await numbersIn(world, stream))
        deepEqual(
          numbers,
          [...samples(stream, 1, 60)].map(({ sequence }) => sequence),
        )
      }
    },
  },
  {
    name: 'after a failure another sink goes on, and everything is in order (I3)',
    needs: 'faults',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      for (const stream of ['a', 'b']) await sink.send(samples(stream, 1, 2), patient())
      await failedSend(world, sink)
      const other = world.sink()
      await other.open()
      for (const stream of ['a', 'b']) await other.send(samples(stream, 1, 60), patient())
      await other.close()
      for (const stream of ['a', 'b']) {
        const numbers = firstCopies(await numbersIn(world, stream))
        deepEqual(
          numbers,
          [...samples(stream, 1, 60)].map(({ sequence }) => sequence),
        )
      }
      await sink.close()
    },
  },
  {
    name: 'a send whose signal has fired rejects, and the next one works',
    run: async (world) => {
      const sink = world.sink()
      await sink.open()
      const { code } = await failureOf(sink.send(samples('a', 1, 3), { signal: AbortSignal.abort() }))
      equal(code, 'sink-unavailable')
      await sink.send(samples('a', 1, 3), patient())
      await sink.close()
      deepEqual(firstCopies(await numbersIn(world, 'a')), [1, 2, 3])
    },
  },
  {
    name: 'what is sent while the sink is not open rejects and leaves nothing',
    run: async (world) => {
      const sink = world.sink()
      await failureOf(sink.send(samples('a', 1, 3), patient()))
      await sink.open()
      await sink.close()
      await failureOf(sink.send(samples('a', 1, 3), patient()))
      deepEqual(await world.arrived(), [])
    },
  },
  {
    name: 'closing a sink that is not open is no error',
    run: async (world) => {
      const sink = world.sink()
      await sink.close()
      await sink.open()
      await sink.close()
      await sink.close()
    },
  },
]
