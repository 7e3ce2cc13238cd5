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
  /** The small disk, where there is one. */
  readonly disk: string
  /** Starts it again on what it has, as after a crash, whether it has ended by itself or not. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

/** How a server is started. */
export interface PostgresServerOptions {
  /** Of which server it is a standby. */
  readonly standbyOf?: PostgresServer
  /** A disk of 32 MB: what is on it. A tablespace `small`, or what is written ahead. */
  readonly small?: 'tables' | 'wal'
}

/**
 * The server is the shell's child, which ends it at once when its input ends: with the test, or at `stop`; a
 * line starts it again. Commits wait for the disk as with any server; only the making of the folder does not.
 */
const guard = `
  trap '' INT TERM
  root=
  if [ "$(id -u)" = 0 ]; then
    chown postgres: "$DATA"
    as='setpriv --reuid=postgres --regid=postgres --init-groups'
  else
    root='sudo -n'
  fi
  cd "$DATA"
  if [ -n "$SMALL" ]; then
    mkdir small
    $root mount -t tmpfs -o size=32m,mode=1777 tmpfs small || exit 1
    $as mkdir small/tables
  fi
  [ "$SMALL" = wal ] && wal="--wal-segsize=1 --waldir=$DATA/small/wal"
  if [ -n "$PRIMARY" ]; then
    $as "$BIN/pg_basebackup" -D db -R -d "$PRIMARY" --checkpoint=fast --no-sync >log 2>&1
  else
    $as "$BIN/initdb" -D "$DATA/db" -U postgres -A trust -E UTF8 --locale=C --no-sync $wal >log 2>&1
  fi || exit 1
  start() {
    $as "$BIN/postgres" -D "$DATA/db" "$@" >>log 2>&1 &
    server=$!
    echo "$server"
  }
  end() {
    kill -CONT "$server" 2>/dev/null
    kill -QUIT "$server" 2>/dev/null
    wait "$server"
  }
  start "$@"
  while read -r _; do
    end
    start "$@"
  done
  end
  [ -z "$SMALL" ] || $root umount -l small
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
export async function startPostgres(
  settings: readonly string[] = [],
  { standbyOf, small }: PostgresServerOptions = {},
): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error('these tests need a Postgres server: run npm run services')
  const data = mkdtempSync(join(tmpdir(), 'inturn-postgres-'))
  const port = await freePort()
  const network = ['-p', String(port), '-h', '127.0.0.1', '-k', '']
  const modest = ['-c', 'shared_buffers=64MB', '-c', 'autovacuum=off']
  const args = ['-c', guard, 'guard', ...network, ...modest, ...settings]
  const env = { ...process.env, DATA: data, BIN: bin, SMALL: small ?? '', PRIMARY: standbyOf?.url ?? '' }
  const shell = spawn('sh', args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(shell, 'exit')
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const started = async (): Promise<number> => {
    const [said] = (await Promise.race([once(shell.stdout, 'data'), ended])) as [Buffer | number]
    if (await answers(url, shell)) return Number(String(said))
    throw new Error(`Postgres did not start:\n${readFileSync(join(data, 'log'), 'utf8')}`)
  }
  const startAgain = async (): Promise<void> => {
    shell.stdin.write('\n')
    await started()
  }
  return { url, port, pid: await started(), disk: join(data, 'small'), startAgain, stop: () => stop(shell) }
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
