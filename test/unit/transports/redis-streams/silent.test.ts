// Connections that are there and silent, for source and sink: every call ends within its time, and all goes
// on over another connection (I7, I10).
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Sink, SinkMessage } from '../../../../src/ports/sink.ts'
import { redisStreamsSink, redisStreamsSource } from '../../../../src/transports/redis-streams.ts'
import { ownKey } from '../../../conformance/transports/redis-streams-world.ts'
import type { RedisServer } from '../../../services/redis-server.ts'
import { startRedis } from '../../../services/redis-server.ts'
import type { TcpProxy } from '../../../services/tcp-proxy.ts'
import { startProxy } from '../../../services/tcp-proxy.ts'
import { readSome, until } from './stream-place.ts'

const { signal } = new AbortController()
const replyMs = 1000
const checkpoint = { load: async () => undefined, save: async () => undefined }
const noSink = { code: 'sink-unavailable', retryable: true }
const noSource = { code: 'source-unavailable', retryable: true }
let server: RedisServer
let proxy: TcpProxy
let url: string
let sink: Sink

beforeEach(async () => {
  server = await startRedis(['--appendfsync', 'no'])
  proxy = await startProxy(server.port)
  url = `redis://127.0.0.1:${proxy.port}`
  sink = redisStreamsSink({ url, stream: ownKey(), replyMs })
})

afterEach(async () => {
  await sink.close()
  await proxy.stop()
  await server.stop()
})

function works(call: () => Promise<unknown>): Promise<boolean> {
  return call().then(
    () => true,
    () => false,
  )
}

function send(n: number): Promise<void> {
  const json = JSON.stringify({ n })
  const message = { domain: 'account', stream: 'a', sequence: n, id: `${n}`, type: 't', partitionKey: 'a' }
  const messages: readonly SinkMessage[] = [{ ...message, json }]
  return sink.send(messages, { signal })
}

test('a sink on a server that stands still does not try to open without end, and opens later', async () => {
  process.kill(server.pid ?? 0, 'SIGSTOP')
  try {
    await expect(sink.open()).rejects.toMatchObject(noSink)
  } finally {
    process.kill(server.pid ?? 0, 'SIGCONT')
  }
  await until(() => works(() => sink.open()))
  await until(() => works(() => send(1)))
})

test('a connection that falls silent is given up, also when the way back is silent at first', async () => {
  await until(() => works(() => sink.open()))
  proxy.silence()
  await expect(send(1)).rejects.toMatchObject(noSink)
  await until(() => works(() => send(1)))
  proxy.silence()
  proxy.decide(() => 'swallow')
  for (const n of [2, 3]) await expect(send(n)).rejects.toMatchObject(noSink)
  proxy.decide(() => 'pass')
  await until(() => works(() => send(2)))
})

test('a source whose connections fall silent reads on', async () => {
  const stream = ownKey()
  sink = redisStreamsSink({ url: server.url, stream, replyMs: 60_000 })
  await sink.open()
  const source = redisStreamsSource({ url, stream, group: 'billing', domain: 'account', replyMs })
  await until(() => works(() => source.open(checkpoint)))
  await until(() => works(() => readSome(source)))
  proxy.silence()
  await expect(readSome(source)).rejects.toMatchObject(noSource)
  await send(1)
  let read = 0
  await until(async () => {
    read += await readSome(source).then(
      ({ length }) => length,
      () => 0,
    )
    return read > 0
  })
  await source.close()
})

test('a sink that is closed while it connects leaves no connection behind', async () => {
  proxy.decide(() => 'swallow')
  const patient = redisStreamsSink({ url, stream: ownKey(), replyMs: 60_000 })
  const opening = patient.open()
  opening.catch(() => undefined)
  while (proxy.connections === 0) await sleep(10)
  await patient.close()
  await expect(opening).rejects.toMatchObject(noSink)
  while (proxy.connections > 0) await sleep(10)
})
