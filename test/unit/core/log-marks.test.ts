// Counters that wrap, read from a log whose reader dies and reads again from any place further back: whatever
// was read before is known again, however many turns the counter has gone since.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { onWire } from '../../../src/core/counter.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'

interface World {
  readonly modulus: number
  readonly wrapsTo: number
  readonly heldMax: number
  readonly hasIds: boolean
  /** How many turns of the counter the log has. */
  readonly turns: number
  /** Of the numbers in order: which are missing, and which lie so many places too late. */
  readonly lost: readonly number[]
  readonly late: readonly { readonly which: number; readonly by: number }[]
  /** The reader reads on so far, dies, and begins again so many places back. */
  readonly lives: readonly { readonly reads: number; readonly back: number }[]
}

const world: fc.Arbitrary<World> = fc.record({
  modulus: fc.constantFrom(8, 9, 16, 31, 64),
  wrapsTo: fc.constantFrom(0, 1, -4),
  heldMax: fc.constantFrom(1, 3, 100),
  hasIds: fc.boolean(),
  turns: fc.constantFrom(1, 3, 6),
  lost: fc.oneof(fc.constant([]), fc.array(fc.nat(400), { maxLength: 2 })),
  late: fc.array(fc.record({ which: fc.nat(400), by: fc.nat(64) }), { maxLength: 4 }),
  lives: fc.array(fc.record({ reads: fc.nat(300), back: fc.oneof(fc.nat(300), fc.nat(20)) }), {
    minLength: 1,
    maxLength: 6,
  }),
})

/** The numbers as they lie in the log; one is at most an eighth of a turn late. */
function logOf({ modulus, wrapsTo, turns, lost, late }: World): readonly number[] {
  const count = turns * modulus
  const places = Array.from({ length: count }, (_, n) => ({ n: n + wrapsTo, at: n }))
  for (const { which, by } of late) {
    const one = places[which % count]
    if (one !== undefined) one.at += (by % Math.max(1, Math.floor(modulus / 8))) + 0.5
  }
  const missing = new Set(lost.map((which) => (which % count) + wrapsTo))
  return places
    .filter(({ n }) => !missing.has(n))
    .sort((a, b) => a.at - b.at)
    .map(({ n }) => n)
}

/** A reader of the log, the stream that gets its events, and what went wrong. */
class Reading {
  readonly history: RuledHistory
  readonly mistaken: string[] = []
  readonly log: readonly number[]
  readonly #world: World
  readonly #settled = new Set<number>()
  /** By place: the number that the rules gave it, if they did. */
  readonly #refused = new Map<number, number | undefined>()

  constructor(about: World) {
    const { modulus, wrapsTo, heldMax } = about
    const numbering = contiguous({ modulus, wrapsTo, start: wrapsTo })
    this.history = new RuledHistory(rulesFor({ numbering, heldMax, conflictMemory: 3 }))
    this.log = logOf(about)
    this.#world = about
  }

  /** Reads from a place on; what is refused is offered again in order. Says where it has come to. */
  read(from: number, count: number): number {
    const to = Math.min(this.log.length, from + count)
    for (let place = from; place < to; place++) {
      this.#offerAgain()
      this.#arrive(place, this.#refused.size > 0)
    }
    this.#offerAgain()
    return to
  }

  /** The process dies: what it knew of refused events is gone. Says from where it has to read again. */
  die(): number {
    this.#refused.clear()
    const first = this.log.findIndex((_, place) => !this.#settled.has(place))
    return first === -1 ? this.log.length : first
  }

  /** As a worker does it: the lowest number first, and what could not be placed in the order of reading. */
  #offerAgain(): void {
    for (let hasMoved = true; hasMoved;) {
      const before = this.#refused.size
      const offers = [...this.#refused].sort(([a, x], [b, y]) => (x ?? Infinity) - (y ?? Infinity) || a - b)
      for (const [place] of offers) this.#arrive(place, false)
      hasMoved = this.#refused.size < before
    }
  }

  #arrive(place: number, isBehind: boolean): void {
    const { hasIds } = this.#world
    const n = this.log[place] ?? Number.NaN
    const action = {
      kind: 'event',
      epoch: 0,
      sequence: Number(onWire(this.#world, n)),
      print: hasIds ? 1_000 + n : 7,
      isBehind,
      place: { log: 1, at: place },
      ...(!hasIds && { isUnnamed: true as const }),
    } as const
    const [line = ''] = this.history.arrive([{ action, index: n }], 0)
    const said = /^#-?\d+ (?<verdict>[\w-]+)(?:\((?<reason>.*)\))? 0\/(?<at>-?\d+)/.exec(line)?.groups ?? {}
    if (said['verdict'] === 'refuse') {
      const isPlaced = said['reason'] === 'stream-full'
      if (isPlaced && Number(said['at']) !== n) this.mistaken.push(`${n} at ${place}: ${line}`)
      this.#refused.set(place, isPlaced ? Number(said['at']) : undefined)
      return
    }
    this.#refused.delete(place)
    this.#settled.add(place)
    // Of what came a turn ago or longer only that is known.
    const isOldCopy = said['verdict'] === 'duplicate' && n <= Number(this.history.state.position)
    if (!isOldCopy && Number(said['at']) !== n) this.mistaken.push(`${n} at ${place}: ${line}`)
  }
}

describe('a log that is read again from far back (I1, I3)', () => {
  test('no event is delivered under another number, or twice, and none that is open is passed over', () => {
    fc.assert(
      fc.property(world, (about) => {
        const reading = new Reading(about)
        let at = 0
        for (const { reads, back } of about.lives) {
          const reached = reading.read(at, reads)
          at = Math.max(0, Math.min(reading.die(), reached - back))
        }
        reading.read(at, reading.log.length)
        expect(reading.mistaken).toEqual([])
        const delivered = reading.history.lines.filter((line) => line.includes(' deliver')).length
        const { position, held, halt } = reading.history.state
        const last = about.turns * about.modulus - 1 + about.wrapsTo
        const isWhole = about.lost.length === 0
        expect({ position, held, halt }).toEqual(
          isWhole ? { position: last, held: [], halt: undefined } : { position, held, halt },
        )
        expect(delivered).toBeLessThanOrEqual(reading.log.length)
      }),
      { numRuns: 500 },
    )
  })

  test('what came when its epoch was over says the same when it is read again, under its own number', () => {
    const numbering = contiguous({ modulus: 16, start: 10 })
    const history = new RuledHistory(rulesFor({ numbering, conflictMemory: 3 }))
    const arrive = (epoch: number, sequence: number, at?: number): string => {
      const place = at === undefined ? {} : { place: { log: 1, at } }
      const action = { kind: 'event', epoch, sequence, print: epoch * 100 + sequence, ...place } as const
      return history.arrive([{ action, index: sequence }], 0)[0] ?? ''
    }
    expect(arrive(0, 10, 1)).toBe('#10 deliver 0/10')
    // From a healer: it has no place.
    arrive(1, 10)
    expect(arrive(0, 12, 2)).toBe('#12 stale(epoch-over) 0/12')
    expect(arrive(1, 11, 3)).toBe('#11 deliver 1/11')
    expect(arrive(0, 12, 2)).toBe('#12 stale(epoch-over) 0/12')
    expect(arrive(0, 10, 1)).toBe('#10 duplicate 0/10')
  })
})
