// The arithmetic of ids: encode and decode are inverse, ranges contain exactly the ids of their span.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SnowflakeFormat } from '../../../../src/producer/snowflake/snowflake-format.ts'
import { snowflakeFormat } from '../../../../src/producer/snowflake/snowflake-format.ts'

/** Any layout that fits, and any epoch. */
const formats: fc.Arbitrary<SnowflakeFormat> = fc
  .record({
    timestampBits: fc.integer({ min: 1, max: 52 }),
    workerBits: fc.integer({ min: 0, max: 30 }),
    counterBits: fc.integer({ min: 0, max: 30 }),
    epoch: fc.integer({ min: 0, max: 4e12 }),
  })
  .filter(({ timestampBits, workerBits, counterBits }) => timestampBits + workerBits + counterBits <= 63)
  .map(({ epoch, ...layout }) => snowflakeFormat({ layout, epoch }))

function partsOf(format: SnowflakeFormat) {
  return fc.record({
    timeMs: fc.integer({ min: format.epochMs, max: format.lastMs }),
    worker: fc.integer({ min: 0, max: format.workers - 1 }),
    counter: fc.integer({ min: 0, max: format.idsPerMs - 1 }),
  })
}

const withParts = formats.chain((format) => fc.tuple(fc.constant(format), partsOf(format), partsOf(format)))

describe('the format of ids', () => {
  test('what is decoded is what was encoded, from the number and from its text', () => {
    fc.assert(
      fc.property(withParts, ([format, parts]) => {
        const id = format.encode(parts)
        expect(id).toBeLessThan(2n ** 63n)
        expect(format.decode(id)).toEqual(parts)
        expect(format.decode(String(id))).toEqual(parts)
      }),
    )
  })

  test('ids sort by time, then worker, then counter', () => {
    fc.assert(
      fc.property(withParts, ([format, one, other]) => {
        const byParts = one.timeMs - other.timeMs || one.worker - other.worker || one.counter - other.counter
        const [a, b] = [format.encode(one), format.encode(other)]
        expect(format.compare(a, String(b))).toBe(Math.sign(byParts))
      }),
    )
  })

  test('a range contains an id exactly if its time is at or after from and before to', () => {
    fc.assert(
      fc.property(withParts, fc.tuple(fc.nat(3), fc.nat(3)), ([format, parts, other], [back, on]) => {
        const id = format.encode(parts)
        for (const [from, to] of [
          [parts.timeMs - back, parts.timeMs + on],
          [other.timeMs, parts.timeMs + on],
          [parts.timeMs - back, other.timeMs],
        ] as const) {
          const { first, last } = format.idRange({ from, to: new Date(to) })
          expect(first <= id && id <= last).toBe(from <= parts.timeMs && parts.timeMs < to)
        }
      }),
    )
  })

  test('a range without ends contains every id; an empty span contains none', () => {
    fc.assert(
      fc.property(withParts, ([format, { timeMs }]) => {
        const all = format.idRange({})
        expect(all.first).toBe(0n)
        const last = { timeMs: format.lastMs, worker: format.workers - 1, counter: format.idsPerMs - 1 }
        expect(all.last).toBe(format.encode(last))
        const empty = format.idRange({ from: timeMs, to: timeMs })
        expect(empty.last).toBeLessThan(empty.first)
      }),
    )
  })

  test('is 41, 10 and 12 bits since 2020 unless told otherwise', () => {
    const format = snowflakeFormat()
    expect(format.layout).toEqual({ timestampBits: 41, workerBits: 10, counterBits: 12 })
    expect([format.workers, format.idsPerMs]).toEqual([1024, 4096])
    expect(new Date(format.epochMs).toISOString()).toBe('2020-01-01T00:00:00.000Z')
    expect(format.encode({ timeMs: format.epochMs + 1, worker: 1, counter: 1 })).toBe((1n << 22n) + 4097n)
  })

  test('says which option does not fit, and what it takes', () => {
    const wrong = (options: object) => () => snowflakeFormat(options)
    expect(wrong({ layout: { timestampBits: 42 } })).toThrow(
      'layout has 64 bits (42 timestamp + 10 worker + 12 counter); an id has room for 63',
    )
    expect(wrong({ layout: { workerBits: -1 } })).toThrow('workerBits takes a whole number from 0 to 30')
    expect(wrong({ layout: { timestampBits: 0 } })).toThrow('timestampBits takes a whole number from 1 to 52')
    expect(wrong({ layout: { counterBits: 1.5 } })).toThrow('counterBits')
    expect(wrong({ epoch: new Date('never') })).toThrow('epoch takes a date')
    expect(wrong({ epoch: 0.5 })).toThrow(expect.objectContaining({ code: 'config-invalid' }) as Error)
  })

  test('takes nothing for an id that is none', () => {
    const { decode, compare, encode, idRange, epochMs } = snowflakeFormat()
    for (const wrong of ['', '-1', '1.5', '0x1', 'abc', -1n, 2n ** 63n, '9'.repeat(30), 7 as never]) {
      expect(() => decode(wrong)).toThrow(expect.objectContaining({ code: 'usage' }) as Error)
    }
    expect(() => compare('x', 1n)).toThrow('an id is a bigint or its decimal digits')
    expect(() => encode({ timeMs: epochMs, worker: 1024, counter: 0 })).toThrow('worker')
    expect(() => idRange({ from: NaN })).toThrow('from takes a date')
  })
})
