// Whatever events end their worker, in whatever batches they come: exactly those are taken out, each as
// `worker-died`, and every other event is handled in order (I1, I3, I6, I7).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { event } from './engine-world.ts'
import { MortalWorld } from './mortal-world.ts'

const streams = ['a', 'b', 'c', 'd', 'e'] as const
const each = 4
const places = streams.flatMap((stream) =>
  Array.from({ length: each }, (_, index) => [stream, index + 1] as const),
)

const scenario = fc.record({
  deadly: fc.subarray(
    places.map(([stream, sequence]) => `${stream}:${sequence}`),
    { maxLength: 5 },
  ),
  order: fc.shuffledSubarray([...places], { minLength: places.length }),
  batch: fc.integer({ min: 1, max: 20 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  attempts: fc.integer({ min: 1, max: 3 }),
})

for (const effects of ['external', 'transaction'] as const) {
  test(`exactly the deadly events are taken out, effects: '${effects}'`, async () => {
    const law = fc.asyncProperty(scenario, async ({ deadly, order, batch, concurrency, attempts }) => {
      const world = new MortalWorld(effects, deadly)
      const sent = order.map(([stream, sequence]) => event(stream, sequence))
      await world.outlive(sent, { failure: { attempts, then: 'dead-letter' } }, { batch, concurrency })
      const letters = await world.deadLetters()
      expect(
        letters.map(({ stream, sequence }) => `${stream?.slice(8)}:${String(sequence)}`).toSorted(),
      ).toEqual(deadly.toSorted())
      for (const letter of letters) expect(letter).toMatchObject({ reason: 'worker-died', attempts })
      for (const stream of streams) {
        const own = world.done.filter((place) => place.startsWith(stream))
        const wanted = places
          .map(([name, sequence]) => `${name}:${sequence}`)
          .filter((place) => place.startsWith(stream))
        expect([...new Set(own)]).toEqual(wanted.filter((place) => !deadly.includes(place)))
        expect((await world.stream(stream))?.state).toMatchObject({
          position: each,
          failing: undefined,
          heldCount: 0,
        })
      }
    })
    await fc.assert(law, { numRuns: 60 })
  })
}
