// What a handler may give for its commit: everything that cannot run is refused when it is given, since what
// is wrong in the commit cannot be undone any more (I2, I7).
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { effectKey } from '../../../src/stores/redis.ts'
import { allowedCommands } from '../../../src/stores/redis/allowed-commands.ts'
import { CommandRecording } from '../../../src/stores/redis/redis-commands.ts'

const start = '{inturn:3}:billing:own:account/a:'

function recorded(...calls: readonly (readonly [string, ...unknown[]])[]): readonly unknown[] {
  const recording = new CommandRecording(() => start)
  for (const [name, ...values] of calls) {
    Reflect.apply(recording.commands.call, undefined, [name, recording.commands.key('k'), ...values])
  }
  return recording.end().commands
}

const invalid: unknown = expect.objectContaining({ code: 'command-invalid' })

for (const [given, expected] of [
  [
    ['set', 'x'],
    ['SET', `${start}k`, 'x'],
  ],
  [
    ['HINCRBY', 'sum', -3],
    ['HINCRBY', `${start}k`, 'sum', '-3'],
  ],
  [
    ['INCRBYFLOAT', 1.5],
    ['INCRBYFLOAT', `${start}k`, '1.5'],
  ],
  [
    ['INCRBY', 2n ** 60n],
    ['INCRBY', `${start}k`, '1152921504606846976'],
  ],
  [
    ['HSET', 'a', 1, 'b', 'x'],
    ['HSET', `${start}k`, 'a', '1', 'b', 'x'],
  ],
  [
    ['SET', 'x', 'EX', 60],
    ['SET', `${start}k`, 'x', 'EX', '60'],
  ],
  [
    ['ZADD', 'NX', 1.5, 'm', 2, 'n'],
    ['ZADD', `${start}k`, 'NX', '1.5', 'm', '2', 'n'],
  ],
  [
    ['ZADD', '-inf', 'm'],
    ['ZADD', `${start}k`, '-inf', 'm'],
  ],
  [
    ['XADD', '*', 'f', 'v'],
    ['XADD', `${start}k`, '*', 'f', 'v'],
  ],
  [
    ['XADD', 'MAXLEN', '~', 100, '*', 'f', 'v'],
    ['XADD', `${start}k`, 'MAXLEN', '~', '100', '*', 'f', 'v'],
  ],
  [
    ['EXPIRE', 60, 'NX'],
    ['EXPIRE', `${start}k`, '60', 'NX'],
  ],
  [['PFADD'], ['PFADD', `${start}k`]],
  [['DEL'], ['DEL', `${start}k`]],
] as const) {
  test(`${given.join(' ')} is recorded`, () => expect(recorded(given)).toEqual([expected]))
}

for (const [given] of [
  [['GET']],
  [['EVAL', 'x', 0]],
  [['FLUSHALL']],
  [['MSET', 'a', 'b', 'c']],
  [['DEL', `${start}other`]],
  [['HSET', 'a']],
  [['HINCRBY', 'sum', 1.5]],
  [['HINCRBY', 'sum', '1e3']],
  [['INCRBY', '']],
  [['RPUSH']],
  [['ZADD', 'm', 'x']],
  [['LTRIM', 0]],
  [['SET', true]],
  [['SET', null]],
  [['SET', undefined]],
  [['SET', {}]],
  [['SET', Number.NaN]],
  [['SET', Infinity]],
  [['SET', 2 ** 53]],
  [['SET', '\ud800']],
  [['RPUSH', ...Array.from({ length: 1001 }, () => 'x')]],
] as const) {
  test(`${given.map(String).join(' ').slice(0, 40)} is refused`, () => {
    expect(() => recorded(given)).toThrow(invalid)
  })
}

test('keys are those of the stream: no other text, name, or stream', () => {
  const { commands } = new CommandRecording(() => start)
  for (const key of ['k', 'inturn', '{inturn:3}:billing:own:account/b:k', start, 5, undefined]) {
    expect(() => void Reflect.apply(commands.call, undefined, ['INCR', key])).toThrow(invalid)
  }
  for (const name of ['', 'x'.repeat(513), '\udc00', 5, undefined]) {
    expect(() => void Reflect.apply(commands.key, undefined, [name])).toThrow(invalid)
  }
  expect(commands.key('a:b {c}')).toBe(`${start}a:b {c}`)
})

test('no two of consumer, stream and name share a key', () => {
  const part = fc.string({
    minLength: 1,
    maxLength: 6,
    unit: fc.constantFrom('a', ':', '/', '%', '{', '}', '"'),
  })
  const place = fc.record({ consumer: part, domain: part, stream: part, name: part })
  fc.assert(
    fc.property(place, place, (one, other) => {
      const isSame = JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other))
      expect(effectKey(one) === effectKey(other)).toBe(isSame)
    }),
  )
})

test('what a handler gives has limits, and bytes are copied', () => {
  const recording = new CommandRecording(() => start)
  const { call, key } = recording.commands
  const bytes = new Uint8Array([1, 2])
  call('SET', key('k'), bytes)
  bytes[0] = 9
  for (let nth = 1; nth < 1_000; nth++) call('INCR', key('n'))
  expect(() => call('INCR', key('n'))).toThrow(invalid)
  expect(() => new CommandRecording(() => start).commands.call('SET', key('k'), 'x'.repeat(2 ** 20))).toThrow(
    invalid,
  )
  const ended = recording.end()
  expect(ended.commands).toHaveLength(1_000)
  expect(ended.commands[0]).toEqual(['SET', `${start}k`, Buffer.from([1, 2])])
  expect(() => call('INCR', key('n'))).toThrow(/the handler has ended/)
})

test('docs/stores/redis.md lists the commands', () => {
  const docs = readFileSync(new URL('../../../docs/stores/redis.md', import.meta.url), 'utf8')
  const listed = /<!-- commands -->\n([^]*?)\n\n/.exec(docs)?.[1] ?? ''
  expect([...listed.matchAll(/`([A-Z]+)`/g)].map(([, name]) => name)).toEqual(allowedCommands)
})
