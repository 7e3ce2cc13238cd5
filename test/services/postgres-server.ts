// A real Postgres server for tests: on a free port of this machine, with a data folder of its own, and gone
// when the test process is, however that ends. It refuses to be root, so it runs as the user postgres then.
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { freePort } from './redis-server.ts'

/** A server that runs. */
export interface PostgresServer {
  readonly url: string
  readonly port: number
  /** Its first process; its end is a crash of the whole server. */
  readonly pid: number
  stop(): Promise<void>
}

/**
 * The server is the shell's child, which ends it at once when its input ends: with the test, or at `stop`.
 * Commits wait for the disk as with any server; only the making of the folder does not.
 */
const guard = `
  trap '' INT
  if [ "$(id -u)" = 0 ]; then
    chown postgres: "$DATA"
    as='setpriv --reuid=postgres --regid=postgres --init-groups'
  fi
  $as "$BIN/initdb" -D "$DATA/db" -U postgres -A trust -E UTF8 --locale=C --no-sync \\
    >"$DATA/log" 2>&1 || exit 1
  cd "$DATA"
  $as "$BIN/postgres" -D "$DATA/db" "$@" >>"$DATA/log" 2>&1 &
  server=$!
  echo "$server"
  read -r _
  kill -CONT "$server" 2>/dev/null
  kill -QUIT "$server" 2>/dev/null
  wait "$server"
  rm -rf "$DATA"
`

/** The folder of the newest version that is installed. */
function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  try {
    const [version] = readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    return `${debian}/${version}/bin`
  } catch {
    const { stdout, status } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
    return status === 0 ? stdout.trim() : undefined
  }
}

/** Starts a server with settings of its own. */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error('these tests need a Postgres server: run npm run services')
  const data = mkdtempSync(join(tmpdir(), 'inturn-postgres-'))
  const port = await freePort()
  const network = ['-p', String(port), '-h', '127.0.0.1', '-k', '']
  const small = ['-c', 'shared_buffers=64MB', '-c', 'autovacuum=off']
  const args = ['-c', guard, 'guard', ...network, ...small, ...settings]
  const env = { ...process.env, DATA: data, BIN: bin }
  const shell = spawn('sh', args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(shell, 'exit')
  const [said] = (await Promise.race([once(shell.stdout, 'data'), ended])) as [Buffer | number]
  const pid = Number(String(said))
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  if (!(await answers(url, shell))) {
    throw new Error(`Postgres did not start:\n${readFileSync(join(data, 'log'), 'utf8')}`)
  }
  return { url, port, pid, stop: () => stop(shell) }
}

async function stop(shell: ChildProcess): Promise<void> {
  if (shell.exitCode !== null) return
  const ended = once(shell, 'exit')
  shell.stdin?.end()
  await ended
}

/** Waits until a server takes connections; not for ever, and not when the shell that runs it has ended. */
export async function answers(url: string, shell: ChildProcess): Promise<boolean> {
  const until = Date.now() + 60_000
  while (shell.exitCode === null && Date.now() < until) {
    const client = new Client({ connectionString: url })
    client.on('error', () => undefined)
    const isOpen = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (isOpen) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}
