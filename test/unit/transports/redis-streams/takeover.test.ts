// Consumers of one group share a stream, and what one leaves another one takes: no entry is lost with the one
// that had it (I3), and none is taken from one that lives and works on it (I4).
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisServer } from '../../../services/redis-server.ts'
import { startRedis } from '../../../services/redis-server.ts'
import type { TcpProxy } from '../../../services/tcp-proxy.ts'
import { startProxy } from '../../../services/tcp-proxy.ts'
import { numbersOf, range, readAll, readSome, StreamPlace, until } from './stream-place.ts'

let server: RedisServer
let proxy: TcpProxy
let place: StreamPlace
const behindProxy = (): { readonly url: string } => ({ url: `redis://127.0.0.1:${proxy.port}` })

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  proxy = await startProxy(server.port)
  place = new StreamPlace(server.url)
})
afterEach(async () => {
  await place.remove()
  await proxy.stop()
})

test('two consumers of one group share the entries, and two groups have all of them each', async () => {
  const [one, two] = [await place.source(), await place.source()]
  const other = await place.source({ group: 'audit' })
  await place.produce(1, 60)
  const [first, second] = [await readSome(one, 25), await readAll(two, 35)]
  expect([...numbersOf(first), ...numbersOf(second)]).toEqual(range(1, 60))
  expect(numbersOf(await readAll(other, 60))).toEqual(range(1, 60))
})

test('what a dead consumer had is taken over, in order, and what a living one works on is not', async () => {
  const dead = await place.source({ ...behindProxy(), consumerName: 'dead' })
  const living = await place.source()
  const ids = await place.produce(1, 30)
  expect(numbersOf(await readAll(dead, 10))).toEqual(range(1, 10))
  expect(numbersOf(await readAll(living, 10))).toEqual(range(11, 20))
  await proxy.stop()
  const silent = ['IDLE', 60_000, 'JUSTID']
  await place.ask('XCLAIM', place.stream, 'billing', 'dead', 0, ...ids.slice(0, 10), ...silent)
  const heir = await place.source()
  const inherited = await readAll(heir, 20)
  expect(numbersOf(inherited).toSorted((a, b) => a - b)).toEqual([...range(1, 10), ...range(21, 30)])
  expect(numbersOf(inherited).filter((number) => number <= 10)).toEqual(range(1, 10))
  await heir.settle(inherited)
  expect(await place.counts()).toEqual({ there: 30, pending: 10 })
})

test('as long as a consumer lives, what it has in hand never looks idle', async () => {
  const source = await place.source({ claimIdleMs: 90 })
  await place.produce(1, 3)
  await readAll(source, 3)
  const idleMs = async (): Promise<number> => {
    const pending = await place.ask('XPENDING', place.stream, 'billing', '-', '+', 10)
    return Math.min(...Array.from(pending as readonly unknown[][], (entry) => Number(entry[2])))
  }
  for (let renewals = 0, last = 0; renewals < 4;) {
    const now = await idleMs()
    if (now < last) renewals++
    last = now
  }
  expect(await place.counts()).toMatchObject({ pending: 3 })
})

test('what was released comes to another consumer when its own one dies during the delay', async () => {
  const claimIdleMs = 200
  const dying = await place.source({ ...behindProxy(), claimIdleMs })
  await place.produce(1, 3)
  await dying.release(await readAll(dying, 3), 3_600_000)
  await proxy.stop()
  const heir = await place.source({ claimIdleMs })
  expect(numbersOf(await readAll(heir, 3))).toEqual([1, 2, 3])
})

test('a consumer that closes leaves what it had at once, whatever the patience of the next one', async () => {
  const leaving = await place.source()
  await place.produce(1, 5)
  const [first] = await readAll(leaving, 5)
  if (first !== undefined) await leaving.settle([first])
  await leaving.close()
  const heir = await place.source()
  expect(numbersOf(await readAll(heir, 4))).toEqual([2, 3, 4, 5])
})

test('a consumer of a given name has what it left without any patience, also after a crash', async () => {
  const crashing = await place.source({ ...behindProxy(), consumerName: 'worker-1' })
  await place.produce(1, 4)
  await readAll(crashing, 3)
  await proxy.stop()
  const again = await place.source({ consumerName: 'worker-1' })
  expect(numbersOf(await readAll(again, 4))).toEqual([1, 2, 3, 4])
})

test('what the server gave in a reply that was lost comes with the next read (I3)', async () => {
  const source = await place.source(behindProxy())
  expect(await readSome(source)).toEqual([])
  await place.produce(1, 5)
  let isNext = true
  proxy.decide((sent) => {
    const isCut = isNext && sent.includes('EVALSHA')
    if (isCut) isNext = false
    return isCut ? 'cut-after' : 'pass'
  })
  await expect(readSome(source)).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
  expect(await place.counts()).toMatchObject({ pending: 5 })
  expect(numbersOf(await readAll(source, 5))).toEqual([1, 2, 3, 4, 5])
})

test('what was given out before says so, left by a crash or taken over; fresh entries do not', async () => {
  const crashing = await place.source({ ...behindProxy(), consumerName: 'worker-1' })
  const leaving = await place.source({ consumerName: 'worker-2' })
  await place.produce(1, 4)
  const fresh = [...(await readAll(crashing, 2)), ...(await readAll(leaving, 2))]
  expect(fresh.map(({ redelivered }) => redelivered)).toEqual([false, false, false, false])
  await proxy.stop()
  await leaving.close()
  const again = await place.source({ consumerName: 'worker-1' })
  await place.produce(5, 5)
  const all = await readAll(again, 5)
  expect(numbersOf(all.filter(({ redelivered }) => redelivered)).toSorted((a, b) => a - b)).toEqual(
    range(1, 4),
  )
  expect(numbersOf(all.filter(({ redelivered }) => !redelivered))).toEqual([5])
})

for (const fate of ['cut-before', 'cut-after'] as const) {
  test(`settling again after a lost connection settles (${fate})`, async () => {
    const source = await place.source(behindProxy())
    await place.produce(1, 5)
    const deliveries = await readAll(source, 5)
    proxy.decide((sent) => (sent.includes('XACK') ? fate : 'pass'))
    await expect(source.settle(deliveries)).rejects.toMatchObject({ code: 'source-unavailable' })
    proxy.decide(() => 'pass')
    await source.settle(deliveries)
    expect(await place.counts()).toMatchObject({ pending: 0 })
    expect(await readSome(source)).toEqual([])
    expect(await source.isCaughtUp()).toBe(true)
  })
}

test('at its limit a source reads no more, hands out what is due, and goes on once it may (I7)', async () => {
  const source = await place.source({ unsettledMax: 10 })
  await place.produce(1, 30)
  const first = await readAll(source, 10)
  await source.release(first.slice(0, 4), 0)
  const again = await readAll(source, 4)
  expect(numbersOf(again)).toEqual([1, 2, 3, 4])
  expect(await readSome(source)).toEqual([])
  expect(await place.counts()).toMatchObject({ pending: 10 })
  await source.settle(again)
  expect(numbersOf(await readAll(source, 4))).toEqual(range(11, 14))
})

test('entries that come again and again do not keep new ones waiting (I6)', async () => {
  const source = await place.source()
  await place.produce(1, 40)
  const refused = await readAll(source, 20)
  await source.release(refused, 0)
  const read: number[] = []
  for (let turn = 0; turn < 6; turn++) {
    const some = await readSome(source, 10)
    await source.release(
      some.filter((_, index) => (numbersOf(some)[index] ?? 0) <= 20),
      0,
    )
    read.push(...numbersOf(some))
  }
  expect(read).toEqual(expect.arrayContaining([...range(21, 40)]))
})

test('consumers that are gone and had nothing are forgotten, those that had something are not', async () => {
  const names = async (): Promise<unknown> => {
    const list = await place.ask('XINFO', 'CONSUMERS', place.stream, 'billing')
    return Array.isArray(list) ? list.length : list
  }
  const one = await place.source()
  await place.produce(1, 1)
  await readAll(one, 1)
  const two = await place.source()
  await readSome(two)
  await until(async () => (await names()) === 2)
  await two.close()
  expect(await names()).toBe(1)
  await one.close()
  expect(await names()).toBe(1)
  expect(await place.counts()).toMatchObject({ pending: 1 })
})
