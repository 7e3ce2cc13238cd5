// A generator on a clock that does as it likes: its ids only rise, and it says so when it cannot go on.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InturnError } from '../../../../src/core/errors.ts'
import type { Snowflake, SnowflakeOptions } from '../../../../src/producer/snowflake/snowflake.ts'
import { snowflake } from '../../../../src/producer/snowflake/snowflake.ts'
import { VirtualTimers } from '../../../../src/testing/virtual-timers.ts'
import { failureOf } from './fleet.ts'

const epoch = 1_700_000_000_000
const small = { timestampBits: 30, workerBits: 4, counterBits: 2 }

class SetClock {
  ms = epoch
  readonly now = (): number => this.ms
}

function generator(options: Partial<SnowflakeOptions> = {}): { clock: SetClock; ids: Snowflake } {
  const clock = new SetClock()
  return { clock, ids: snowflake({ worker: 3, epoch, now: clock.now, ...options }) }
}

/** The code of the error that a call throws. */
function codeOf(call: () => unknown): string {
  const error = failureOf(call)
  return error instanceof InturnError ? error.code : String(error)
}

/** What may happen to a generator: time moves, or ids are asked for. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ clock: fc.integer({ min: -40, max: 60 }) }),
    fc.record({ next: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ many: fc.integer({ min: 0, max: 60 }) }),
  ),
  { maxLength: 60 },
)

describe('a generator of ids', () => {
  test('gives ids that strictly rise, within its bound of the clock, however the clock moves', () => {
    fc.assert(
      fc.property(happenings, fc.integer({ min: 0, max: 10 }), (steps, aheadMaxMs) => {
        const { clock, ids } = generator({ layout: small, aheadMaxMs })
        let last = -1n
        const see = (id: bigint): void => {
          expect(id).toBeGreaterThan(last)
          last = id
          const { timeMs, worker } = ids.decode(id)
          expect(worker).toBe(3)
          expect(timeMs).toBeLessThanOrEqual(clock.ms + aheadMaxMs)
        }
        const allowed = new Set(['undefined', 'clock-moved-back', 'too-many-ids'])
        for (const step of steps) {
          if ('clock' in step) clock.ms = Math.max(epoch - 5, clock.ms + step.clock)
          const ask = (): void => {
            if ('next' in step) for (let count = step.next; count > 0; count--) see(ids.next())
            if ('many' in step) ids.nextMany(step.many).forEach(see)
          }
          expect(allowed).toContain(codeOf(ask))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('uses every id of a millisecond, then borrows from the next one', () => {
    const { clock, ids } = generator()
    const all = Array.from({ length: 4097 }, () => ids.next())
    expect(new Set(all).size).toBe(4097)
    expect(ids.decode(all[4095] ?? 0n)).toEqual({ timeMs: epoch, worker: 3, counter: 4095 })
    expect(ids.decode(all[4096] ?? 0n)).toEqual({ timeMs: epoch + 1, worker: 3, counter: 0 })
    clock.ms += 1
    expect(ids.decode(ids.next())).toEqual({ timeMs: epoch + 1, worker: 3, counter: 1 })
    clock.ms += 1
    expect(ids.decode(ids.next())).toEqual({ timeMs: epoch + 2, worker: 3, counter: 0 })
  })

  test('borrows so far and no further: then it says too-many-ids, and goes on with the clock', () => {
    const { clock, ids } = generator({ layout: small, aheadMaxMs: 2 })
    const first = Array.from({ length: 12 }, () => ids.next())
    expect(codeOf(() => ids.next())).toBe('too-many-ids')
    expect(codeOf(() => ids.nextMany(1))).toBe('too-many-ids')
    clock.ms += 1
    const then = [ids.next(), ...ids.nextMany(3)]
    expect(codeOf(() => ids.next())).toBe('too-many-ids')
    expect(new Set([...first, ...then]).size).toBe(16)
  })

  test('many are given all or none', () => {
    const { ids } = generator({ layout: small, aheadMaxMs: 2 })
    const one = ids.next()
    expect(codeOf(() => ids.nextMany(12))).toBe('too-many-ids')
    const rest = ids.nextMany(11)
    expect(rest[0]).toBe(one + 1n)
    expect(rest).toHaveLength(11)
    for (const wrong of [-1, 1.5, NaN]) expect(codeOf(() => ids.nextMany(wrong))).toBe('usage')
  })

  test('runs ahead of a clock that was set back a little', () => {
    const { clock, ids } = generator({ aheadMaxMs: 500 })
    const before = ids.next()
    clock.ms -= 500
    expect(ids.next()).toBe(before + 1n)
    clock.ms += 500
    expect(ids.next()).toBe(before + 2n)
  })

  test('a clock that was set back a lot is an error, until it has caught up', () => {
    const { clock, ids } = generator({ aheadMaxMs: 500 })
    clock.ms += 3_600_000
    const before = ids.next()
    clock.ms -= 3_600_000
    expect(codeOf(() => ids.next())).toBe('clock-moved-back')
    clock.ms += 3_599_499
    expect(codeOf(() => ids.next())).toBe('clock-moved-back')
    clock.ms += 1
    expect(ids.next()).toBe(before + 1n)
  })

  test('a clock before the epoch is one that is not set yet', () => {
    const { clock, ids } = generator()
    clock.ms = 0
    expect(codeOf(() => ids.next())).toBe('clock-moved-back')
    clock.ms = epoch
    expect(ids.decode(ids.next()).timeMs).toBe(epoch)
  })

  test('the end of the layout is said, and nothing wraps', () => {
    const { clock, ids } = generator({ layout: small })
    clock.ms = ids.format.lastMs
    expect(ids.nextMany(4).map((id) => ids.decode(id).counter)).toEqual([0, 1, 2, 3])
    expect(codeOf(() => ids.next())).toBe('config-invalid')
  })

  test('an id that was kept is passed, whatever the clock says now', () => {
    const kept = generator().ids.format.encode({ timeMs: epoch + 100, worker: 3, counter: 9 })
    const { clock, ids } = generator({ after: String(kept) })
    expect(ids.next()).toBeGreaterThan(kept)
    const late = generator({ after: kept, aheadMaxMs: 50 })
    expect(codeOf(() => late.ids.next())).toBe('clock-moved-back')
    late.clock.ms = clock.ms + 51
    expect(late.ids.decode(late.ids.next()).timeMs).toBe(epoch + 101)
  })

  test('text keeps in JSON what a number would round', () => {
    const { clock, ids } = generator({ epoch: 0 })
    clock.ms = epoch
    const text = ids.nextText()
    const read = JSON.parse(JSON.stringify({ id: text })) as { id: string }
    expect(ids.decode(read.id)).toEqual({ timeMs: epoch, worker: 3, counter: 0 })
    expect(BigInt(Number(text) + 1)).not.toBe(BigInt(text) + 1n)
    expect(() => JSON.stringify({ id: ids.next() })).toThrow(TypeError)
  })

  test('taking waits where next would throw, and gives up with its signal', async () => {
    const timers = new VirtualTimers()
    const now = (): number => epoch + timers.elapsedMs()
    const ids = snowflake({ worker: 1, epoch, layout: small, aheadMaxMs: 0, now, timers })
    const taken = ids.take(10)
    await timers.advance(500)
    const all = await taken
    expect(all).toEqual(all.toSorted(ids.format.compare))
    expect(new Set(all).size).toBe(10)
    const stop = new AbortController()
    const given = ids.take(9, stop.signal).catch((error: unknown) => error)
    await timers.rest()
    stop.abort(new Error('enough'))
    await timers.advance(1)
    expect(await given).toMatchObject({ message: 'enough' })
    await expect(ids.take(0.5)).rejects.toMatchObject({ code: 'usage' })
    expect(await ids.take(0)).toEqual([])
  })

  test('says which option is wrong', () => {
    for (const [options, message] of [
      [{ worker: 1024 }, 'worker takes a whole number from 0 to 1023, not 1024'],
      [{ worker: -1 }, 'worker takes'],
      [{ aheadMaxMs: -1 }, 'aheadMaxMs takes a whole number from 0 to 60000, not -1'],
      [{ aheadMaxMs: 60_001 }, 'aheadMaxMs'],
      [{ layout: { counterBits: 40 } }, 'counterBits'],
    ] as const) {
      expect(() => generator(options)).toThrow(message)
    }
  })
})
