// How brokers are called with TLS: by their names, where they have some.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { kafkaSink } from '../../../../src/transports/kafka.ts'
import { connectionOf } from '../../../../src/transports/kafka/cluster-target.ts'

test('the TLS handshake names the broker, by which hosted clusters find it', async () => {
  const hellos: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      hellos.push(bytes.toString('latin1'))
      socket.destroy()
    })
  })
  await once(server.listen(0), 'listening')
  const brokers = [`localhost:${(server.address() as AddressInfo).port}`]
  for (const ssl of [{}, { servername: 'kafka.example' }]) {
    const sink = kafkaSink({ brokers, topic: 't', ssl, replyMs: 2_000 })
    await expect(sink.open()).rejects.toMatchObject({ code: 'sink-unavailable' })
    await sink.close()
  }
  server.close()
  expect(hellos.some((hello) => hello.includes('localhost'))).toBe(true)
  expect(hellos.some((hello) => hello.includes('kafka.example'))).toBe(true)
})

test.each([
  [['kafka.internal:9093'], {}, true],
  [['10.0.0.7:9093', 'kafka.internal:9093'], {}, undefined],
  [['[::1]:9093'], {}, undefined],
  [['kafka.internal:9093'], { servername: 'other' }, undefined],
  [['kafka.internal:9093'], undefined, undefined],
])('brokers %j, ssl %j', (brokers, ssl, named) => {
  expect(connectionOf({ brokers, ssl }).tlsServerName).toBe(named)
})
