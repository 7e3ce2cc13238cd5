// Looks once, when a store is opened, whether its servers are set up so that they keep what they acknowledge.
import type { Connection } from '../../redis/connection.ts'
import type { RedisClient } from '../../redis/redis-client.ts'

/**
 * Warns by name of settings under which Redis forgets what inturn counts on, on each server that has one of
 * the keys. What a user may not ask stays unknown.
 */
export async function warnOfSettings(
  connection: Connection,
  { keys, onWarning }: { readonly keys: readonly string[]; readonly onWarning: (message: string) => void },
): Promise<void> {
  // A node that cannot be reached keeps nobody from opening a store on the others.
  const found = await Promise.all(
    keys.map(async (key) => connection.nodesOf([key]).catch(() => new Map<RedisClient, readonly string[]>())),
  )
  for (const node of new Set(found.flatMap((nodes) => [...nodes.keys()]))) {
    const ask = async (...command: string[]): Promise<string> => textOf(connection, node, command)
    // All at once: a server that falls silent meanwhile is waited for once.
    const [memory, persistence, fsync] = await Promise.all([
      ask('INFO', 'memory'),
      ask('INFO', 'persistence'),
      ask('CONFIG', 'GET', 'appendfsync'),
    ])
    const policy = fieldOf(memory, 'maxmemory_policy')
    const warnings: string[] = []
    if (policy !== undefined && policy !== 'noeviction') {
      warnings.push(`maxmemory-policy is ${policy}, so positions may be evicted; set it to noeviction`)
    }
    if (fieldOf(persistence, 'aof_enabled') === '0') {
      warnings.push('appendonly is no, so a restart takes the last commits back; set it to yes')
    } else if (/\bno$/.test(fsync)) {
      warnings.push('appendfsync is no, so a crash of the machine takes back what it likes; set it to always')
    }
    if (warnings.length === 0) continue
    const name = connection.isCluster ? `${connection.name}, ${await addressOf(ask)}` : connection.name
    for (const warning of warnings) onWarning(`${name}: ${warning}`)
  }
}

/** A node of a cluster as the others know it. */
async function addressOf(ask: (...command: string[]) => Promise<string>): Promise<string> {
  const [, address] = /^\S+ (\S+?)(?:@\S*)? \S*myself/m.exec(await ask('CLUSTER', 'NODES')) ?? []
  return `node ${address ?? 'of the cluster'}`
}

/** A reply as text, a list by its spaces; nothing where the user may not send the command. */
async function textOf(connection: Connection, node: RedisClient, command: string[]): Promise<string> {
  const [reply] = await connection.talk(node, [command]).catch(() => [])
  if (typeof reply === 'string') return reply
  if (Array.isArray(reply)) return reply.map(String).join(' ')
  return typeof reply === 'object' && reply !== null ? Object.values(reply).map(String).join(' ') : ''
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
