// Refused events are offered again in the order of their places, whatever was kept, answered again and taken
// in meanwhile (I1): as a list does that is sorted anew each time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamPath } from '../../../src/core/stream-path.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type { Refused } from '../../../src/engine/refused-events.ts'
import { RefusedEvents } from '../../../src/engine/refused-events.ts'
import type { Delivery } from '../../../src/ports/source.ts'

interface Message extends Delivery {
  readonly index: number
}

const limits = { lookAheadMax: 100, lookAheadBytesMax: 1_000, refusePatienceMs: 1_000 }
const streams: readonly StreamPath[] = ['a', 'b'].map((name) => streamPath('account', name))
const messages: readonly Message[] = Array.from({ length: 12 }, (_, index) => {
  return { index, message: '', origin: `log:${index}` }
})

const steps = fc.array(
  fc.record({
    index: fc.nat(messages.length - 1),
    act: fc.constantFrom('refuse', 'refuse', 'take in'),
    sequence: fc.nat(5),
    isUnplaced: fc.boolean(),
    isPlaced: fc.boolean(),
  }),
  { maxLength: 60 },
)

/** What is offered of a stream, all of it, and offered no more. */
function offersOf(events: RefusedEvents<Message>, stream: StreamPath): number[] {
  const offered = events.offers(100)
  for (const delivery of offered) events.takeBack(delivery)
  return offered.filter(({ index }) => streamOf(index) === stream).map(({ index }) => index)
}

const streamOf = (index: number): StreamPath | undefined => streams[index % streams.length]

/** What is kept of a delivery: its first place, once the rules have placed it, and when it was read. */
interface Known extends Pick<Refused<Message>, 'place' | 'isPlaced' | 'isUnplaced'> {
  readonly order: number
}

const rank = ({ isUnplaced, place, order }: Known): readonly number[] =>
  isUnplaced ? [1, 0, order] : [0, place.sequence as number, order]

const byRank = ([, one]: [number, Known], [, other]: [number, Known]): number => {
  const [mine, theirs] = [rank(one), rank(other)]
  return mine.map((part, at) => part - (theirs[at] ?? 0)).find((difference) => difference !== 0) ?? 0
}

test('each stream is offered from its lowest place on, and what has no place comes last', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const events = new RefusedEvents<Message>(limits)
      const model = new Map<number, Known>()
      for (const [order, { index, act, sequence, isUnplaced, isPlaced }] of all.entries()) {
        const [delivery, stream] = [messages[index], streamOf(index)]
        if (delivery === undefined || stream === undefined) continue
        const known = model.get(index)
        if (act === 'refuse') {
          const place = { epoch: 0, sequence }
          events.add({ delivery, stream, place, sinceMs: 0, stays: false, isUnplaced, isPlaced })
          const own = known?.isPlaced === true ? known : { place, isPlaced }
          const kept = { place: own.place, isPlaced: own.isPlaced, isUnplaced, order: known?.order ?? order }
          model.set(index, kept)
        } else {
          events.remove(delivery)
          model.delete(index)
        }
      }
      expect(events.size).toBe(model.size)
      for (const stream of streams) {
        const own = [...model].filter(([index]) => streamOf(index) === stream).sort(byRank)
        expect(offersOf(events, stream)).toEqual(own.map(([index]) => index))
      }
    }),
  )
})

test('the oldest beyond the bytes that are kept are overdue, and no more of them (I7)', () => {
  const events = new RefusedEvents<Message>({
    lookAheadMax: 100,
    lookAheadBytesMax: 100,
    refusePatienceMs: 1_000,
  })
  const sized = messages.slice(0, 4).map((message) => ({ ...message, bytes: 40 }))
  const about = { stream: streams[0] ?? streamPath('account', 'a'), sinceMs: 0, stays: false }
  for (const delivery of sized) {
    const place = { epoch: 0, sequence: delivery.index }
    events.add({ delivery, place, isUnplaced: false, isPlaced: true, ...about })
  }
  expect(events.isBeyond).toBe(true)
  const overdue = events.overdue(1, 100).map(({ delivery }) => delivery)
  expect(overdue).toEqual(sized.slice(0, 2))
  for (const delivery of overdue) events.remove(delivery)
  expect(events.isBeyond).toBe(false)
  expect(events.overdue(1, 100)).toEqual([])
  expect(events.overdue(1_000, 100)).toHaveLength(2)
})
