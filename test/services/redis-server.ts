// A real Redis server for tests: on a free port of this machine, with a data folder of its own, and gone when
// the test process is, however that ends. `INTURN_TEST_REDIS_URL` uses a running server instead.
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that runs. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The server's process; `undefined` for one that was running already. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/** The server is the shell's child, which ends it when its input ends: with the test, or at `stop`. */
const guard = `
  trap '' INT
  redis-server "$@" >"$DATA/log" 2>&1 &
  server=$!
  echo "$server"
  read -r _
  kill -CONT "$server" 2>/dev/null
  kill -KILL "$server" 2>/dev/null
  wait "$server"
  rm -rf "$DATA"
`

/** Starts a server with settings of its own, or one for everybody's use where a URL is given. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const url = process.env['INTURN_TEST_REDIS_URL']
  if (url !== undefined && settings.length === 0) {
    return { url, port: Number(new URL(url).port || 6379), pid: undefined, stop: async () => undefined }
  }
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    throw new Error('these tests need a Redis server: run npm run services')
  }
  for (let attempt = 0; attempt < 5; attempt++) {
    const started = await tryStart(await freePort(), settings)
    if (started !== undefined) return started
  }
  throw new Error('the Redis server did not start on any of five ports')
}

/** `undefined`: it ended at once, most likely because somebody else took the port. */
async function tryStart(port: number, settings: readonly string[]): Promise<RedisServer | undefined> {
  const data = mkdtempSync(join(tmpdir(), 'inturn-redis-'))
  const alone = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data, '--save', '']
  // Replicas are served as soon as they come.
  const basics = [...alone, '--repl-diskless-sync-delay', '0']
  const args = ['-c', guard, 'guard', ...basics, '--appendonly', 'yes', ...settings]
  const shell = spawn('sh', args, { env: { ...process.env, DATA: data }, stdio: ['pipe', 'pipe', 'ignore'] })
  const [line] = (await once(shell.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  const isUp = await answers(port, () => isAlive(pid))
  if (!isUp) {
    await stop(shell)
    return undefined
  }
  return { url: `redis://127.0.0.1:${port}`, port, pid, stop: () => stop(shell) }
}

async function stop(shell: ChildProcess): Promise<void> {
  if (shell.exitCode !== null) return
  const ended = once(shell, 'exit')
  shell.stdin?.end()
  await ended
}

/** Waits until the server takes connections, or has ended. */
async function answers(port: number, isThere: () => boolean): Promise<boolean> {
  while (isThere()) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A port that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}
