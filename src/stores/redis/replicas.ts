// What is settled is on replicas too: a unit of work ends well only when they have confirmed all that its
// servers had by then, what it wrote and what it only read alike: whoever commits may die before the replicas
// confirm it, and the next worker finds only duplicates to settle. A server that has not confirmed owes it,
// and nothing is begun there until it has. Upholds I4 and I10.
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import type { Connection } from '../../redis/connection.ts'
import type { RedisClient } from '../../redis/redis-client.ts'
import type { ScriptCall } from '../../redis/script-call.ts'

/** How many replicas are waited for, and how long. */
export interface WaitReplicas {
  /** How many replicas must have what was written before anything is settled. */
  readonly replicas: number
  /** How long a server is given for it, in milliseconds. */
  readonly timeoutMs: number
}

/** Waits for the replicas of a store's servers. */
export class Replicas {
  readonly #connection: Connection
  readonly #wait: WaitReplicas
  /**
   * Which life of a server had a key when its replicas last confirmed everything; absent, it owes that. A
   * later life, after a restart or a failover, may lack what an earlier one had acknowledged.
   */
  readonly #lives = new Map<string, string>()

  constructor(connection: Connection, wait: WaitReplicas) {
    this.#connection = connection
    this.#wait = wait
  }

  /**
   * Runs something over the connection, and resolves once the replicas have all that it found and left.
   *
   * @throws InturnError `store-unavailable` when nothing was begun, `commit-unknown` when it was
   */
  async guard<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    const touched = new Map<string, Promise<string>>()
    const result = await run(this.#connection.preceded((calls) => this.#touch(calls, touched)))
    await this.#end(touched)
    return result
  }

  /** Notes which life of a server each key of the calls is met in, before anything is sent there. */
  async #touch(calls: readonly ScriptCall[], touched: Map<string, Promise<string>>): Promise<void> {
    const keys = new Set(calls.map(({ keys: [key] }) => key))
    const fresh = [...keys].filter((key) => !touched.has(key))
    const owing = fresh.filter((key) => !this.#lives.has(key))
    const asked = owing.length === 0 ? undefined : this.#confirm(owing)
    for (const key of fresh) {
      const known = this.#lives.get(key)
      const life = known ?? asked?.then((lives) => lives.get(key) ?? '') ?? ''
      touched.set(key, Promise.resolve(life))
    }
    await Promise.all([...keys].flatMap((key) => touched.get(key) ?? []))
  }

  async #end(touched: ReadonlyMap<string, Promise<string>>): Promise<void> {
    try {
      const met = await Promise.all([...touched].map(async ([key, life]) => ({ key, life: await life })))
      const lives = await this.#confirm([...touched.keys()])
      const isSame = met.every(({ key, life }) => lives.get(key) === life)
      if (!isSame) throw new Error('the server was restarted or replaced meanwhile')
    } catch (cause) {
      const why = errorMessage(cause)
      const message = `a failover may lose what was written, so it is done again (${why})`
      throw new InturnError('commit-unknown', `${this.#connection.name}: ${message}`, {
        retryable: true,
        cause,
      })
    }
  }

  /** Waits until replicas have all that the nodes of some keys have; says which life of a node has each. */
  async #confirm(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const lives = new Map<string, string>()
    try {
      const nodes = [...(await this.#connection.nodesOf(keys))]
      const ends = await Promise.allSettled(
        nodes.map(async ([node, has]) => ({ has, life: await this.#confirmNode(node, has) })),
      )
      for (const end of ends) {
        if (end.status === 'rejected') throw end.reason
        for (const key of end.value.has) lives.set(key, end.value.life)
      }
    } catch (error) {
      for (const key of keys) this.#lives.delete(key)
      await this.#connection.locate(keys)
      throw error
    }
    this.#note(lives)
    return lives
  }

  /**
   * WAIT counts what was written over its own connection, so a write goes before it, and both are seen to go
   * over the same one. The write bears a key, which a node refuses that has lost the key's slot.
   */
  async #confirmNode(node: RedisClient, keys: readonly string[]): Promise<string> {
    const { replicas, timeoutMs } = this.#wait
    const { name } = this.#connection
    const [before, , confirmed, after, server, replication] = await this.#connection.talk(node, [
      ['CLIENT', 'ID'],
      ['SET', `${keys[0] ?? ''}:waited`, '1'],
      ['WAIT', String(replicas), String(timeoutMs)],
      ['CLIENT', 'ID'],
      ['INFO', 'server'],
      ['INFO', 'replication'],
    ])
    const count = before === after ? Number(confirmed) : 0
    if (count >= replicas) return `${fieldOf(server, 'run_id')} ${fieldOf(replication, 'master_replid')}`
    const message = `${name}: ${count} of ${replicas} replicas have confirmed within ${timeoutMs} ms`
    throw new InturnError('store-unavailable', message, { retryable: true })
  }

  /** Whatever else lay in a life that has ended is asked for anew. */
  #note(lives: ReadonlyMap<string, string>): void {
    const ended = new Set<string>()
    for (const [key, life] of lives) {
      const before = this.#lives.get(key)
      if (before !== undefined && before !== life) ended.add(before)
    }
    for (const [key, life] of this.#lives) if (ended.has(life)) this.#lives.delete(key)
    for (const [key, life] of lives) this.#lives.set(key, life)
  }
}

function fieldOf(info: unknown, name: string): string {
  const [, value] = new RegExp(`^${name}:(\\S+)`, 'm').exec(String(info)) ?? []
  return value ?? ''
}
