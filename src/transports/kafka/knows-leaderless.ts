// A partition that no broker leads now, because those that have it are away, is no reason to know nothing of
// all others. The client fails whatever it has to know its cluster for then; so it is given an answer in
// which that partition has no leader. Upholds I6.
import type { Base } from '@platformatic/kafka'
import { fieldOf } from '../../core/thrown.ts'
import type { KafkaLibrary } from './library.ts'

/** What brokers answer of a partition that nobody leads. */
const noLeader: ReadonlySet<unknown> = new Set(['LEADER_NOT_AVAILABLE', 'LISTENER_NOT_FOUND'])

/** What the client tells of an end. */
type Callback = (error: Error | null, result?: unknown) => void

/** The same client, which from now on knows its cluster also where partitions have no leader. */
export function knowsLeaderless<Client extends Base>({ kGetApi }: KafkaLibrary, client: Client): Client {
  const getApi: unknown = Reflect.get(client, kGetApi)
  const tolerant = (name: string, callback: Callback): void => {
    const found: Callback = (error, api) => callback(error, name === 'Metadata' ? withLeaderless(api) : api)
    if (typeof getApi === 'function') Reflect.apply(getApi, client, [name, found])
  }
  Reflect.set(client, kGetApi, tolerant)
  return client
}

/** The request, whose last argument is told of what comes of it. */
function withLeaderless(request: unknown): unknown {
  if (typeof request !== 'function') return request
  return new Proxy(request, {
    apply: (call, self, given: unknown[]): unknown => {
      const told = given.at(-1)
      if (typeof told !== 'function') return Reflect.apply(call, self, given)
      const answered: Callback = (error, response) => {
        const end = isLeaderless(error) ? [null, fieldOf(error, 'response')] : [error, response]
        Reflect.apply(told, undefined, end)
      }
      return Reflect.apply(call, self, [...given.slice(0, -1), answered])
    },
  })
}

/** Whether nothing else is wrong with an answer: a topic that is not known yet is. */
function isLeaderless(error: unknown): boolean {
  const errors = fieldOf(error, 'errors')
  return (
    Array.isArray(errors) &&
    fieldOf(error, 'response') !== undefined &&
    errors.every((one) => noLeader.has(fieldOf(one, 'apiId')) && isOfPartition(fieldOf(one, 'path')))
  )
}

function isOfPartition(path: unknown): boolean {
  return typeof path === 'string' && path.includes('/partitions/')
}
