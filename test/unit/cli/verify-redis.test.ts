// I3: `inturn verify` finds what was done to a Redis store behind inturn's back, and exits 1.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redisStore } from '../../../src/stores/redis.ts'
import { Keyspace, keptText } from '../../../src/stores/redis/keyspace.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { Ran } from '../../integration/run-inturn.ts'
import { inturn } from '../../integration/run-inturn.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { StreamGiven } from '../operate/stored-stream.ts'
import { consumer, putStream, stateOf } from '../operate/stored-stream.ts'
import { balancedStreams, failedLetter } from './balanced-streams.ts'

const shards = 64

let server: RedisServer
let client: TestClient
let prefix: string

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
beforeEach(async () => {
  prefix = ownPrefix()
  await stored(...balancedStreams)
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

async function stored(...streams: readonly StreamGiven[]): Promise<void> {
  const store = redisStore(server.url, { prefix, shards, onWarning: () => undefined })
  await store.open()
  for (const stream of streams) await putStream(store, stream)
  await store.close()
}

async function command(...args: readonly string[]): Promise<Ran> {
  return inturn('.', ...args, '--store', `${server.url}/?prefix=${prefix}`, '--consumer', consumer)
}

/** What the keys of a stream's shard begin with. */
function base(path: string): string {
  const keyspace = new Keyspace(prefix, shards)
  return keyspace.base(consumer, keyspace.shardOf(path))
}

async function redis(...args: readonly string[]): Promise<unknown> {
  return client.sendCommand([...args])
}

/** Puts something in place of a stream's record: Lua that knows `record`, and `other`, that of another. */
async function changeRecord(path: string, changed: string, other = path): Promise<void> {
  const script = `
    local function found(pattern, path)
      for _, name in ipairs(redis.call('KEYS', pattern)) do
        local at = redis.call('LPOS', name, path)
        if at then return name, at + 1, redis.call('LINDEX', name, at + 1) end
      end
    end
    local name, at, record = found(ARGV[1], ARGV[2])
    local _, _, other = found(ARGV[3], ARGV[4])
    redis.call('LSET', name, at, ${changed})`
  await redis('EVAL', script, '0', `${base(path)}:leaf:*`, path, `${base(other)}:leaf:*`, other)
}

/** Makes a held event one of another number, in its old place. */
async function changeHeld(path: string, [from, to]: readonly [from: number, to: number]): Promise<void> {
  const script = `
    for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
      local changed = string.gsub(member, '"sequence":' .. ARGV[1], '"sequence":' .. ARGV[2])
      redis.call('ZREM', KEYS[1], member)
      redis.call('ZADD', KEYS[1], 0, changed)
    end`
  await redis('EVAL', script, '1', `${base(path)}:held:${path}`, String(from), String(to))
}

const deletesLeaves = "for _, name in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', name) end"

async function forgetLetter({ key, stream = '' }: { key: string; stream?: string }): Promise<void> {
  await redis('HDEL', `${base(stream)}:letter`, keptText(key))
}

const plants: readonly (readonly [what: string, plant: () => Promise<unknown>, found: readonly string[]])[] =
  [
    [
      'a changed count of deliveries',
      // It stands behind the flags and two numbers, of seven bits a byte.
      async () =>
        changeRecord(
          'account/lossy',
          String.raw`(string.gsub(record, '^(.[\128-\255]*[%z\1-\127][\128-\255]*[%z\1-\127]).', '%1\9'))`,
        ),
      ['deliveries account/lossy'],
    ],
    [
      'a deleted held event',
      async () => redis('ZREMRANGEBYRANK', `${base('account/gap')}:held:account/gap`, '1', '1'),
      ['held-count account/gap', 'domain'],
    ],
    [
      'a held event moved below the position',
      async () => changeHeld('account/gap', [6, 2]),
      ['held-place account/gap'],
    ],
    [
      'a deleted list of held events',
      async () => redis('DEL', `${base('account/gap')}:held:account/gap`),
      ['held-count account/gap', 'domain'],
    ],
    [
      'a deleted ledger',
      async () => redis('DEL', `${base('account/lossy')}:ledger`),
      ['ledger account/lossy', 'ledger account/lossy', 'dead-letters account/lossy'],
    ],
    ['a deleted dead letter', async () => forgetLetter(failedLetter), ['dead-letters account/lossy']],
    [
      'a deleted entry of an inbox',
      async () => redis('ZREMRANGEBYRANK', `${base('account/full')}:inbox:account/full`, '0', '0'),
      ['domain', 'inbox account/full'],
    ],
    [
      'an inbox that is said to have nothing',
      async () => redis('DEL', `${base('account/full')}:inboxes`),
      ['inbox account/full'],
    ],
    [
      'a wrong counter of a domain',
      async () => redis('HSET', `${base('account/gap')}:counts`, 'held/account', '7', 'over/account', '1'),
      ['domain', 'domain'],
    ],
    [
      'a state of another stream',
      async () => changeRecord('account/gap', 'other', 'account/full'),
      ['held-count account/gap', 'held-place account/gap'],
    ],
    [
      'a position without its accounts',
      async () =>
        stored({ stream: 'torn', state: stateOf({ position: 5, baseline: 1, counts: { delivered: 4 } }) }),
      ['accounts account/torn'],
    ],
    [
      'a stream that is gone',
      async () => redis('EVAL', deletesLeaves, '0', `${base('account/gap')}:leaf:*`),
      ['orphan account/gap'],
    ],
  ]

describe('a planted imbalance is found:', () => {
  test('none where nothing was planted', async () => {
    const stdout = 'billing: everything adds up (3 streams, 6 deliveries, 2 held)\n'
    expect(await command('verify')).toEqual({ code: 0, stdout, stderr: '' })
  })

  test.each(plants)('%s', async (_what, plant, expected) => {
    await plant()
    const { code, stdout, stderr } = await command('verify', '--json')
    expect(stderr).toBe('')
    const [verified] = (JSON.parse(stdout) as { consumers: Verified[] }).consumers
    const found = verified?.imbalances.map(({ check, stream = '' }) => `${check} ${stream}`.trim())
    expect({ code, found }).toEqual({ code: 1, found: expected })
  })

  test('and the other lists go on behind what was deleted', async () => {
    await forgetLetter(failedLetter)
    const { code, stdout } = await command('dead', '--json')
    const reasons = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { reason: string }).reason)
    expect({ code, reasons }).toEqual({ code: 0, reasons: ['stale'] })
  })
})

interface Verified {
  readonly imbalances: readonly { readonly check: string; readonly stream?: string }[]
}
