// What an object is kept as: one answer for each value, and one that says where it stands for what has none.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExactNumber } from '../../../src/core/exact-number.ts'
import { keepable } from '../../../src/core/keepable.ts'
import { readText, recordText } from '../../../src/storage/record-text.ts'

const kept = (value: unknown, most = 10_000) => keepable(value, most)
const valueIn = (value: unknown): unknown => Reflect.get(kept(value), 'value')
const problemOf = (value: unknown): string => String(Reflect.get(kept(value), 'problem'))

class Order {
  readonly total = 5
  readonly note = undefined
  get double(): number {
    return 2 * this.total
  }
}

function throwing(): never {
  throw new Error('by intent')
}

describe('what has a JSON, or is a bigint or bytes, is kept', () => {
  const sparse = [1]
  sparse[2] = 3
  const cases: readonly (readonly [name: string, value: unknown, as: unknown])[] = [
    ['a Date as its text', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['what has a toJSON as that says', { toJSON: (key: string) => ({ key, toJSON: () => 1 }) }, { key: 'a' }],
    ['what has itself for its JSON', Object.assign(new Order(), { toJSON: returnThis }), { total: 5 }],
    ['a class instance as its own fields', new Order(), { total: 5 }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [
      'what a getter gives',
      {
        get now() {
          return 5
        },
      },
      { now: 5 },
    ],
    ['members that are undefined not at all', { a: undefined, b: 1 }, { b: 1 }],
    ['holes and undefined items as null', [sparse, [undefined]], [[1, null, 3], [null]]],
    ['boxes as what is in them', [Object(1), Object('a'), Object(true), Object(2n)], [1, 'a', true, 2n]],
    ['bytes of any class', Buffer.from([0, 255]), new Uint8Array([0, 255])],
    ['-0, bigints and exact numbers', [-0, 2n, new ExactNumber('1e400')], [-0, 2n, new ExactNumber('1e400')]],
    ['a proxy as what it shows', new Proxy({ a: 1 }, {}), { a: 1 }],
    [
      'names that objects have by nature',
      JSON.parse('{"__proto__":{"a":1}}'),
      JSON.parse('{"__proto__":{"a":1}}'),
    ],
  ]
  it.each(cases)('%s', (_name, value, as) => {
    expect(valueIn({ a: value })).toStrictEqual({ a: as })
  })

  it('as a copy that a store gives back as it is (property)', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt(),
      fc.constantFrom(null, undefined, true, -0),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array(),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value')),
      ),
    }))
    fc.assert(
      fc.property(value, (data) => {
        const copy = valueIn({ data })
        expect(readText(recordText({ copy }))).toStrictEqual({ copy })
        expect(valueIn(copy)).toStrictEqual(copy)
      }),
    )
  })

  it('shared parts each time, and a getter once', () => {
    let asked = 0
    const part = {
      get times() {
        return ++asked
      },
    }
    expect(valueIn([part, part])).toEqual([{ times: 1 }, { times: 2 }])
  })
})

describe('what has none is told with its place', () => {
  const circle: unknown[] = []
  circle.push({ again: circle })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const cases: readonly (readonly [problem: string | RegExp, value: () => unknown])[] = [
    ['data.a[0].price is NaN, which has no JSON', () => ({ a: [{ price: Number.NaN }] })],
    ['data["odd key"] is -Infinity, which has no JSON', () => ({ 'odd key': -Infinity })],
    ['data is a Map, which has no JSON', () => new Map([[1, 2]])],
    ['data.a is a Set, which has no JSON', () => ({ a: new Set() })],
    ['data.a is an Error, which has no JSON', () => ({ a: new TypeError('x') })],
    ['data[0] is a RegExp, which has no JSON', () => [/x/]],
    ['data[0] is a Promise, which has no JSON', () => [Promise.resolve()]],
    ['data[0] is an ArrayBuffer, which has no JSON', () => [new ArrayBuffer(1)]],
    ['data[0] is a Float64Array, which has no JSON', () => [new Float64Array(1)]],
    ['data[0] is an invalid Date, which has no JSON', () => [new Date(Number.NaN)]],
    ['data.a is a function, which has no JSON', () => ({ a: () => 1 })],
    ['data.a is a symbol, which has no JSON', () => ({ a: Symbol('x') })],
    [
      'data.a.b cannot be read: Error: by intent',
      () => ({
        a: {
          get b() {
            return throwing()
          },
        },
      }),
    ],
    ['data.a cannot be read: Error: by intent', () => ({ a: { toJSON: throwing } })],
    [/^data\[0\] cannot be read: TypeError/, () => [proxy]],
    ['data[0].again is in a circle', () => circle],
  ]
  it.each(cases)('%s', (problem, value) => {
    expect(problemOf(value())).toMatch(problem)
  })
})

describe('what is too large is told before it is copied (I7)', () => {
  it('a text, a name, an array that is nearly all holes, and parts that are shared many times', () => {
    const holes: unknown[] = []
    holes[4_294_967_294] = 1
    let shared: unknown = []
    for (let level = 0; level < 60; level++) shared = [shared, shared]
    for (const value of ['x'.repeat(20_000), { ['x'.repeat(20_000)]: 1 }, holes, shared]) {
      expect(kept(value)).toMatchObject({ isTooLarge: true })
    }
  })

  it('what its JSON text has room for is not', () => {
    const data = Array.from({ length: 100 }, (_, index) => ({ index, list: [1, 2, true, null, 'ä'] }))
    expect(kept(data, JSON.stringify(data).length)).toHaveProperty('value', data)
  })
})

function returnThis(this: unknown): unknown {
  return this
}
