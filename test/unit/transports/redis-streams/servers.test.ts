// What servers do under an open source and sink: they restart with everything or with less, are emptied, hand
// over to a replica, run out of memory. It is said, nothing is wedged, and what was not settled comes again
// (I3, I4, I10).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SinkMessage } from '../../../../src/ports/sink.ts'
import type { Source } from '../../../../src/ports/source.ts'
import type { EntryDelivery } from '../../../../src/transports/redis-streams.ts'
import { redisStreamsSink } from '../../../../src/transports/redis-streams.ts'
import { connectedClient } from '../../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../../services/redis-server.ts'
import { startRedis } from '../../../services/redis-server.ts'
import type { TcpProxy } from '../../../services/tcp-proxy.ts'
import { startProxy } from '../../../services/tcp-proxy.ts'
import { numbersOf, range, readAll, readSome, StreamPlace, until } from './stream-place.ts'

const withAof = ['--appendonly', 'yes', '--appendfsync', 'always']
const withSnapshots = ['--appendonly', 'no']
const { signal } = new AbortController()
const unavailable = { code: 'source-unavailable', retryable: true }
let folders: string[]
let servers: RedisServer[]
let proxy: TcpProxy
let place: StreamPlace

beforeEach(() => {
  folders = []
  servers = []
})
afterEach(async () => {
  await place.remove()
  await proxy.stop()
  for (const server of servers) await server.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-streams-'))
  folders.push(folder)
  return folder
}

async function start(folder: string, settings: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(['--dir', folder, ...settings])
  servers.push(server)
  return server
}

/** Starts a server, and a place that is reached through a proxy, which may lead elsewhere later. */
async function begin(settings: readonly string[] = withAof): Promise<RedisServer> {
  const server = await start(newFolder(), settings)
  proxy = await startProxy(server.port)
  place = new StreamPlace(`redis://127.0.0.1:${proxy.port}`)
  return server
}

/** Kills the server, sees that the source says so, and leads everything to one over the same data. */
async function restart(source: Source<EntryDelivery>, settings: readonly string[]): Promise<void> {
  const [server] = servers.splice(0)
  process.kill(server?.pid ?? 0, 'SIGKILL')
  await server?.stop()
  await expect(readSome(source)).rejects.toMatchObject(unavailable)
  proxy.lead((await start(folders[0] ?? '', settings)).port)
  await until(() => works(() => place.ask('PING')))
}

function works(call: () => Promise<unknown>): Promise<boolean> {
  return call().then(
    () => true,
    () => false,
  )
}

/** Reads on past failures. */
async function readOn(source: Source<EntryDelivery>, count: number): Promise<readonly EntryDelivery[]> {
  const deliveries: EntryDelivery[] = []
  const some = () => readSome(source, count - deliveries.length).catch(() => [])
  while (deliveries.length < count) deliveries.push(...(await some()))
  return deliveries
}

test('a server that restarts with its append-only file is read on from, nothing comes twice', async () => {
  await begin()
  const source = await place.source()
  await place.produce(1, 20)
  const inHand = await readAll(source, 12)
  await source.settle(inHand.slice(0, 5))
  await restart(source, withAof)
  await until(() => works(() => source.settle(inHand.slice(5, 9))))
  await place.produce(21, 25)
  const rest = await readOn(source, 13)
  expect(numbersOf(rest)).toEqual(range(13, 25))
  await source.settle([...inHand.slice(9), ...rest])
  expect(await place.counts()).toEqual({ there: 25, pending: 0 })
  expect(await source.isCaughtUp()).toBe(true)
  expect(place.warnings).toEqual([])
})

test('what was settled since the snapshot that a server comes back with comes again', async () => {
  await begin(withSnapshots)
  const source = await place.source()
  await place.produce(1, 10)
  await place.ask('SAVE')
  const inHand = await readAll(source, 10)
  await source.settle(inHand.slice(0, 6))
  await restart(source, withSnapshots)
  expect(numbersOf(await readOn(source, 6))).toEqual(range(1, 6))
  // The server does not know yet that the others were read: what is settled now is not settled there.
  await source.settle(inHand)
  expect(numbersOf(await readAll(source, 4))).toEqual(range(7, 10))
  await source.settle(inHand)
  expect(await place.counts()).toEqual({ there: 10, pending: 0 })
  expect(await source.isCaughtUp()).toBe(true)
})

test('a server that comes back with nothing, or is emptied, is read on from, loudly', async () => {
  await begin(withSnapshots)
  const source = await place.source({ trim: { everyMs: 5 } })
  await place.produce(1, 4)
  const inHand = await readAll(source, 4)
  await restart(source, withSnapshots)
  await until(() => works(() => source.settle(inHand)))
  await place.produce(5, 6)
  expect(numbersOf(await readOn(source, 2))).toEqual([5, 6])
  expect(place.warnings).toEqual([expect.stringContaining('the group was gone, and was created again')])
  await place.ask('FLUSHALL')
  expect(await source.isCaughtUp()).toBe(false)
  expect(await source.isCaughtUp()).toBe(true)
  await place.ask('FLUSHALL')
  await place.produce(7, 7)
  expect(numbersOf(await readAll(source, 1))).toEqual([7])
})

test('a primary that became a replica is left for the new one by source and sink', async () => {
  const primary = await begin()
  const source = await place.source()
  const sink = redisStreamsSink({ url: `redis://127.0.0.1:${proxy.port}`, stream: place.stream })
  await sink.open()
  await sink.send(range(1, 3).map(message), { signal })
  const inHand = await readAll(source, 3)
  const next = await start(newFolder(), [...withAof, '--replicaof', '127.0.0.1', String(primary.port)])
  const [atPrimary, atNext] = [await connectedClient(primary.url), await connectedClient(next.url)]
  await until(async () => String(await atNext.sendCommand(['ROLE'])).includes('connected'))
  await atPrimary.sendCommand(['WAIT', '1', '0'])
  await atNext.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  await atPrimary.sendCommand(['REPLICAOF', '127.0.0.1', String(next.port)])
  proxy.lead(next.port)
  await expect(readSome(source)).rejects.toMatchObject(unavailable)
  await expect(sink.send([message(4)], { signal })).rejects.toMatchObject({ code: 'sink-unavailable' })
  await until(() => works(() => sink.send([message(4)], { signal })))
  await until(() => works(() => source.settle(inHand)))
  expect(numbersOf(await readOn(source, 1))).toEqual([4])
  expect(await atNext.sendCommand(['XLEN', place.stream])).toBe(4)
  for (const client of [atPrimary, atNext]) client.destroy()
  await sink.close()
})

test('a server out of memory takes nothing of a batch, is still read, and takes it later', async () => {
  await begin()
  await place.produce(1, 5)
  const source = await place.source()
  const sink = redisStreamsSink({ url: `redis://127.0.0.1:${proxy.port}`, stream: place.stream })
  await sink.open()
  await place.ask('CONFIG', 'SET', 'maxmemory', 1)
  const full = {
    code: 'sink-unavailable',
    retryable: true,
    message: expect.stringContaining('memory is full') as string,
  }
  await expect(sink.send(range(6, 9).map(message), { signal })).rejects.toMatchObject(full)
  await source.settle(await readAll(source, 5))
  expect(await place.counts()).toEqual({ there: 5, pending: 0 })
  await place.ask('CONFIG', 'SET', 'maxmemory', 0)
  await sink.send(range(6, 9).map(message), { signal })
  expect(numbersOf(await readAll(source, 4))).toEqual([6, 7, 8, 9])
  await sink.close()
})

test('a batch is read with one command and settled with one, whatever its size', async () => {
  await begin()
  const source = await place.source()
  await readSome(source)
  for (const size of [1, 100, 1000]) {
    await place.produce(1, size)
    const commands: string[] = []
    proxy.decide((sent) => {
      commands.push(...(sent.toString('latin1').match(/\b(?:EVAL\w*|X[A-Z]+)(?=\r\n)/g) ?? []))
      return 'pass'
    })
    const deliveries = await readSome(source, 1000)
    await source.settle(deliveries)
    proxy.decide(() => 'pass')
    expect(deliveries).toHaveLength(size)
    // Now and then, however many batches there are, it looks what others left, and says that it lives.
    expect(commands.filter((command) => !/CLAIM/.test(command))).toEqual(['EVALSHA', 'XACK'])
  }
})

function message(n: number): SinkMessage {
  const json = JSON.stringify({ n })
  return { domain: 'account', stream: 'a', sequence: n, id: `${n}`, type: 't', partitionKey: 'a', json }
}
