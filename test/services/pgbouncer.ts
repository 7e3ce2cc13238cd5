// A real PgBouncer in transaction mode for tests: in front of a server, on a free port of this machine, and
// gone when the test process is, however that ends. It refuses to be root, so it runs as the user postgres
// then.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers } from './postgres-server.ts'
import { freePort } from './redis-server.ts'

/** A pooler that runs. */
export interface PgBouncer {
  /** The same databases, by way of the pooler. */
  urlOf(database: string): string
  stop(): Promise<void>
}

/** The pooler is the shell's child, which ends it when its input ends: with the test, or at `stop`. */
const guard = `
  trap '' INT TERM
  if [ "$(id -u)" = 0 ]; then
    chown -R postgres: "$DATA"
    as='setpriv --reuid=postgres --regid=postgres --init-groups'
  fi
  PATH="$PATH:/usr/sbin"
  $as pgbouncer "$DATA/ini" >"$DATA/log" 2>&1 &
  pooler=$!
  read -r _
  kill -TERM "$pooler" 2>/dev/null
  wait "$pooler"
  rm -rf "$DATA"
`

/**
 * Starts a pooler in front of a server. Its connections go round, so that nobody meets a connection again by
 * luck.
 */
export async function startPgBouncer(server: string): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(server)
  const own = await freePort()
  const data = mkdtempSync(join(tmpdir(), 'inturn-pgbouncer-'))
  const login = `user=${username || 'postgres'}${password && ` password=${password}`}`
  const settings = `
    [databases]
    * = host=${hostname} port=${port || 5432} ${login}
    [pgbouncer]
    listen_addr = 127.0.0.1
    listen_port = ${own}
    unix_socket_dir =
    auth_type = any
    pool_mode = transaction
    default_pool_size = 15
    server_round_robin = 1`
  writeFileSync(join(data, 'ini'), settings.replaceAll(/^ +/gm, ''))
  const env = { ...process.env, DATA: data }
  const shell = spawn('sh', ['-c', guard], { env, stdio: ['pipe', 'ignore', 'ignore'] })
  const urlOf = (database: string): string => {
    const url = new URL(database)
    url.host = `127.0.0.1:${own}`
    return url.href
  }
  if (!(await answers(urlOf(server), shell))) {
    throw new Error(`PgBouncer did not start:\n${readFileSync(join(data, 'log'), 'utf8')}`)
  }
  return {
    urlOf,
    stop: async () => {
      const ended = once(shell, 'exit')
      shell.stdin.end()
      await ended
    },
  }
}
