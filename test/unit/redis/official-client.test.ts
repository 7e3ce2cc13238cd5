// Connections of the official client for several URLs of one process: none takes anything of another one.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { clientForUrl } from '../../../src/redis/official-client.ts'

/** A server that notes how each connection begins, and ends it. */
async function noting(): Promise<{
  readonly server: Server
  readonly port: number
  readonly began: string[]
}> {
  const began: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      began.push(bytes[0] === 0x16 ? 'TLS' : bytes.toString('latin1').slice(0, 1))
      socket.destroy()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as AddressInfo).port, began }
}

test('a server with TLS beside one without: each is spoken to as its URL says', async () => {
  const [one, other] = [await noting(), await noting()]
  const urls = [
    `redis://user:secret@127.0.0.1:${one.port}`,
    `rediss://user:secret@127.0.0.1:${other.port}`,
    `redis://user:secret@127.0.0.1:${one.port}`,
  ]
  const said: string[] = []
  for (const url of urls) {
    const client = clientForUrl(url)
    const failed: unknown = await client.connect().catch((error: unknown) => error)
    said.push(String(failed), String(failed instanceof Error ? failed.cause : failed))
    client.destroy()
  }
  expect(one.began).toEqual(['*', '*'])
  expect(other.began).toEqual(['TLS'])
  expect(said.filter((text) => text.includes('secret'))).toEqual([])
  for (const { server } of [one, other]) server.close()
})

test('a URL without a port means the port of Redis, not that of a server before', async () => {
  const { server, port, began } = await noting()
  const before = clientForUrl(`redis://127.0.0.1:${port}`)
  await before.connect().catch(() => undefined)
  before.destroy()
  const after = clientForUrl('redis://127.0.0.1')
  await after.connect().catch(() => undefined)
  after.destroy()
  server.close()
  // What listens at 6379, if anything does, is another one.
  expect(began).toEqual(['*'])
})
