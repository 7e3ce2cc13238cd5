// Counters that wrap, against producers whose numbers are known: whatever is lost, late, repeated, held back
// or halted, no event is taken for another one.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearestTo, onWire, windowOf } from '../../../src/core/counter.ts'
import { headGap } from '../../../src/core/gaps.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { resumeStream } from '../../../src/core/operating/retry-stream.ts'
import { skipHead } from '../../../src/core/operating/skip-head.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'

interface World {
  readonly modulus: number
  readonly wrapsTo: number
  readonly start: number
  readonly heldMax: number
  readonly spanMax: number
  readonly hasIds: boolean
  /** In which order a source offers what was refused: a log as it was read, a queue in any. */
  readonly source: 'log' | 'queue'
}

type Action =
  /** The producer goes on; so many numbers before the one that comes are late or lost. */
  | { readonly kind: 'next'; readonly skipped: number }
  /** A missing number comes late, a refused one again, or one that came a second time. */
  | { readonly kind: 'missing' | 'again' | 'copy' | 'heal'; readonly which: number }
  | { readonly kind: 'halt' | 'resume' | 'skip' }

const world: fc.Arbitrary<World> = fc
  .record({
    modulus: fc.constantFrom(4, 5, 6, 8, 9, 16, 31),
    wrapsTo: fc.constantFrom(0, 0, 1, -4),
    offset: fc.nat(3),
    heldMax: fc.constantFrom(1, 3, 100),
    spanMax: fc.constantFrom(3, 1_000, 1_000),
    hasIds: fc.boolean(),
    source: fc.constantFrom('log', 'queue'),
  })
  .map(({ offset, ...rest }) => ({ ...rest, start: rest.wrapsTo + offset }))

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('next'), skipped: fc.constantFrom(0, 0, 0, 0, 1, 7) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom('missing', 'again', 'copy', 'heal'), which: fc.nat(50) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('halt', 'resume', 'skip') }) },
)

/** A producer, what became of its events on the way, and the stream that gets them. */
class Played {
  readonly history: RuledHistory
  /** Events that were taken for another one. */
  readonly mistaken: string[] = []
  readonly #world: World
  /** The greatest number that came; every number that came once. */
  #greatest: number
  readonly #came = new Set<number>()
  #refused: number[] = []

  constructor(about: World) {
    const { modulus, wrapsTo, start, heldMax, spanMax } = about
    const numbering = contiguous({ modulus, wrapsTo, start })
    this.history = new RuledHistory(rulesFor({ numbering, heldMax, spanMax, conflictMemory: 3 }))
    this.#world = about
    this.#greatest = start - 1
  }

  play(act: Action): void {
    const { history } = this
    if (act.kind === 'next') {
      const ahead = 1 + Math.min(act.skipped, windowOf(this.#world) - 1)
      this.#greatest += ahead
      this.#arrive(this.#greatest)
    } else if (act.kind === 'halt') {
      const halt = { cause: 'operator', at: 0, reason: 'x', by: 'x' } as const
      history.state = { ...history.state, halt: history.state.halt ?? halt }
    } else if ('which' in act) this.#comesAgain(act.kind, act.which)
    else if (act.kind === 'resume') this.#resume()
    else this.#skip()
  }

  #comesAgain(kind: 'missing' | 'again' | 'copy' | 'heal', which: number): void {
    const { start, source } = this.#world
    const all = Array.from({ length: this.#greatest - start + 1 }, (_, index) => start + index)
    if (kind === 'again') {
      const n = source === 'log' ? this.#refused[0] : this.#refused[which % this.#refused.length]
      if (n === undefined) return
      this.#refused = this.#refused.filter((other) => other !== n)
      this.#arrive(n, { isAgain: true })
      return
    }
    const isFresh = (n: number): boolean => !this.#came.has(n) && n > this.#position
    // Copies are not older than half a turn; what is missing may come however late.
    const isCopy = (n: number): boolean => this.#came.has(n) && n > this.#greatest - windowOf(this.#world)
    const some = all.filter(kind === 'copy' ? isCopy : isFresh)
    const n = some[which % some.length]
    if (n !== undefined) this.#arrive(n, { isKnown: kind === 'heal' })
  }

  #arrive(n: number, how: { readonly isAgain?: boolean; readonly isKnown?: boolean } = {}): void {
    const { history } = this
    const { hasIds, source } = this.#world
    const sequence = Number(onWire(this.#world, n))
    const print = hasIds ? 1_000 + n : 7
    const isBehind =
      source === 'log' && this.#refused.length > 0 && how.isAgain !== true && how.isKnown !== true
    const known = how.isKnown === true ? { known: n } : {}
    const action = {
      kind: 'event',
      epoch: 0,
      sequence,
      print,
      isBehind,
      ...(!hasIds && { isUnnamed: true as const }),
      ...known,
    } as const
    const [line = ''] = history.arrive([{ action, index: n }], 0)
    this.#came.add(n)
    const said = /^#-?\d+ (?<verdict>[\w-]+)(?:\((?<reason>.*)\))? 0\/(?<at>-?\d+)/.exec(line)?.groups ?? {}
    if (said['verdict'] === 'refuse') this.#keepRefused(n, how.isAgain === true)
    else this.#refused = this.#refused.filter((other) => other !== n)
    if (said['reason'] === 'ambiguous-number') return
    const isOther = ['conflict', 'invalid', 'stale'].includes(said['verdict'] ?? '')
    if (isOther || Number(said['at']) !== n) this.mistaken.push(`${n}: ${line}`)
  }

  #keepRefused(n: number, isFirst: boolean): void {
    if (isFirst) this.#refused.unshift(n)
    else if (!this.#refused.includes(n)) this.#refused.push(n)
  }

  /** Only where a source offers what was refused in its order does an operator say that. */
  #resume(): void {
    const { history } = this
    const isOfCounter = history.state.halt?.cause === 'half-turn'
    if (isOfCounter && (this.#world.source === 'queue' || this.#isLateAmongRefused())) return
    const operated = resumeStream(history, clockAt(0))
    if (operated.kind === 'granted') history.state = operated.state
  }

  /** Whether what was refused does not simply go on from what is held. */
  #isLateAmongRefused(): boolean {
    const top = Math.max(this.#position, Number(this.history.state.held.at(-1)?.to ?? this.#position))
    const steps = this.#refused.map((n, at) => n - (this.#refused[at - 1] ?? top))
    return steps.some((step) => Math.abs(step) > windowOf(this.#world) || step < 1)
  }

  /** What was refused and is given up all the same must come back within half a turn; here it is not. */
  #skip(): void {
    const { history } = this
    const gap = headGap(history.rules, history.state)
    if (gap === undefined || this.#refused.some((n) => n <= gap.to)) return
    const operator = { by: 'ann', reason: 'test' }
    const operated = skipHead(history, { clock: clockAt(0), held: history.index(), operator })
    if (operated.kind === 'granted' && operated.outcome !== undefined) {
      history.apply({ state: operated.state, outcome: operated.outcome })
    }
  }

  get #position(): number {
    return Number(this.history.state.position ?? this.#world.start - 1)
  }
}

describe('a counter that wraps', () => {
  test('I1, I3: no event is delivered under the number of another, or taken for a copy of it', () => {
    fc.assert(
      fc.property(world, fc.array(action, { maxLength: 120, size: 'max' }), (about, actions) => {
        const played = new Played(about)
        for (const act of actions) played.play(act)
        expect(played.mistaken).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  test('a number on the wire stands for the nearest one, below, at and above zero', () => {
    const counter = fc.record({
      modulus: fc.oneof(fc.integer({ min: 4, max: 70_000 }), fc.constant(2 ** 52)),
      wrapsTo: fc.integer({ min: -40_000, max: 40_000 }),
    })
    fc.assert(
      fc.property(
        counter,
        fc.maxSafeInteger(),
        fc.double({ noNaN: true, min: -1, max: 1 }),
        (of, at, part) => {
          const reference = Math.trunc(at / 4)
          // 0, where it would be -0.
          const n = reference + Math.trunc(part * windowOf(of)) + 0
          const wire = Number(onWire(of, n))
          expect(wire).toBeGreaterThanOrEqual(of.wrapsTo)
          expect(wire).toBeLessThan(of.wrapsTo + of.modulus)
          expect(nearestTo(of, wire, reference)).toBe(n)
        },
      ),
    )
  })
})
