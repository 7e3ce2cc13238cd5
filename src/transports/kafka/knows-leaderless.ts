// A partition that no broker leads now, because those that have it are away, is no reason to know nothing of
// all others. The client fails whatever it has to know its cluster for then; so it is given an answer in
// which that partition has no leader. Upholds I6.
import type { Base } from '@platformatic/kafka'
import { fieldOf } from '../../core/thrown.ts'
import { aroundRequests } from './around-requests.ts'
import type { KafkaLibrary } from './library.ts'

/** What brokers answer of a partition that nobody leads. */
const noLeader: ReadonlySet<unknown> = new Set(['LEADER_NOT_AVAILABLE', 'LISTENER_NOT_FOUND'])

/** The same client, which from now on knows its cluster also where partitions have no leader. */
export function knowsLeaderless<Client extends Base>(library: KafkaLibrary, client: Client): Client {
  return aroundRequests(library, client, (name, told) => {
    if (name !== 'Metadata') return told
    return (error, response) => {
      if (isLeaderless(error)) told(null, fieldOf(error, 'response'))
      else told(error, response)
    }
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
