// Looks once, when a store is opened, whether the server is set up so that it keeps what it acknowledges.
import type { Connection } from './connection.ts'

/** Warns by name of settings under which Redis forgets what inturn counts on. */
export async function warnOfSettings(
  connection: Connection,
  onWarning: (message: string) => void,
): Promise<void> {
  const [memory = '', persistence = ''] = [
    await connection.ask('INFO', 'memory'),
    await connection.ask('INFO', 'persistence'),
  ]
  const policy = fieldOf(memory, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    onWarning(
      `${connection.name}: maxmemory-policy is ${policy}, so positions may be evicted; set it to noeviction`,
    )
  }
  if (fieldOf(persistence, 'aof_enabled') === '0') {
    onWarning(`${connection.name}: appendonly is no, so a restart takes the last commits back; set it to yes`)
  }
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
