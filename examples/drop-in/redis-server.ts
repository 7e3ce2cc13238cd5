// The server at REDIS_URL, or one of our own that ends with the program.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface RedisServer extends Disposable {
  readonly url: string
}

/** Ends the program with a word where there is no server to be had. */
export async function redisServer(): Promise<RedisServer> {
  const given = process.env['REDIS_URL']
  if (given !== undefined) return { url: given, [Symbol.dispose]: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'drop-in-'))
  const port = String(await freePort())
  const settings = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes']
  const server = spawn('redis-server', settings)
  const end = (): void => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', end)
  server.once('error', () => {
    console.error('there is no redis-server here: install it, or name a server, REDIS_URL=redis://host:6379')
    process.exit(1)
  })
  for await (const text of server.stdout) {
    if (String(text).includes('Ready to accept connections')) break
  }
  return { url: `redis://127.0.0.1:${port}`, [Symbol.dispose]: end }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
