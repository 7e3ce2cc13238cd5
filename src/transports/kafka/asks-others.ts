// What the client makes of its cluster, changed where it is not what reading needs. A broker that says
// nothing, or is gone, is no reason to ask nobody else, nor is a partition that no broker leads now a reason
// to know nothing of all others. Upholds I6 and I10.
import type { Base } from '@platformatic/kafka'
import { fieldOf } from '../../core/thrown.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { KafkaLibrary } from './library.ts'

/** Brokers answer these at once; they are waited for no longer than so many milliseconds. */
const atOnce: ReadonlySet<string> = new Set(['Metadata', 'FindCoordinator', 'ListOffsets', 'Heartbeat'])
const answerMs = 5_000
/** What any broker may be asked. */
const ofAnybody: ReadonlySet<string> = new Set(['Metadata', 'FindCoordinator'])

/**
 * The same client, which asks others from now on, and knows its cluster where partitions have no leader. By
 * itself it waits for every answer as long as for that of a join. Whom it asks about the cluster is the
 * first broker that takes a connection, each time, also where that one says nothing: as long as it does,
 * nobody would know who leads what, and no group would find its coordinator. And a coordinator that is not
 * in the cluster any more it goes on to ask for: a group would have lost it until it is back.
 */
export function asksOthers<Client extends Base>(library: KafkaLibrary, client: Client): Client {
  const { kGetConnection, kGetBootstrapConnection, NetworkError } = library
  let turn = 0
  const getAny: unknown = Reflect.get(client, kGetBootstrapConnection)
  const getAnother = (callback: Told, attempt = 0): void => {
    if (typeof getAny === 'function') Reflect.apply(getAny, client, [callback, attempt + turn])
  }
  Reflect.set(client, kGetBootstrapConnection, getAnother)
  const getKnown: unknown = Reflect.get(client, kGetConnection)
  const getConnection = (broker: unknown, callback: Told): void => {
    if (broker === undefined) {
      client.clearMetadata()
      callback(new NetworkError('The broker is not in the cluster now.'))
    } else if (typeof getKnown === 'function') Reflect.apply(getKnown, client, [broker, callback])
  }
  Reflect.set(client, kGetConnection, getConnection)
  return aroundRequests(library, client, (name, told) => {
    const isOfAnybody = ofAnybody.has(name)
    const ended: Told = (error, result) => {
      if (isOfAnybody && fieldOf(error, 'code') === NetworkError.code) turn++
      told(error, result)
    }
    if (!atOnce.has(name)) return ended
    const once = inTime(ended, () => new NetworkError(`No answer to ${name} in ${answerMs / 1_000} s.`))
    return name === 'Metadata' ? withoutLeaders(once) : once
  })
}

/** Tells of an end once, and of none that is too late. */
function inTime(told: Told, tooLate: () => Error): Told {
  let isTold = false
  const once: Told = (error, result) => {
    if (isTold) return
    isTold = true
    cancel()
    told(error, result)
  }
  const cancel = systemTimers.after(answerMs, () => once(tooLate()), { isBackground: true })
  return once
}

/** What brokers answer of a partition that nobody leads. */
const noLeader: ReadonlySet<unknown> = new Set(['LEADER_NOT_AVAILABLE', 'LISTENER_NOT_FOUND'])

/** What fails in the client where a partition has no leader is told as the answer that it is. */
function withoutLeaders(told: Told): Told {
  return (error, response) => {
    if (isLeaderless(error)) told(null, fieldOf(error, 'response'))
    else told(error, response)
  }
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

/** What is told of the end of a request. */
type Told = (error: Error | null, result?: unknown) => void

/**
 * The same client; from now on what `around` makes of it is told of the ends of its requests, which it gets
 * by name. The name is exported, and promised to nobody; tests against brokers hold it.
 */
export function aroundRequests<Client extends Base>(
  { kGetApi }: KafkaLibrary,
  client: Client,
  around: (name: string, told: Told) => Told,
): Client {
  const getApi: unknown = Reflect.get(client, kGetApi)
  const changed = (name: string, callback: Told): void => {
    const found: Told = (error, api) =>
      callback(
        error,
        requestAround(api, (told) => around(name, told)),
      )
    if (typeof getApi === 'function') Reflect.apply(getApi, client, [name, found])
  }
  Reflect.set(client, kGetApi, changed)
  return client
}

/** A request is told of its end by its last argument. */
function requestAround(request: unknown, around: (told: Told) => Told): unknown {
  if (typeof request !== 'function') return request
  return new Proxy(request, {
    apply: (call, self, given: unknown[]): unknown => {
      const told = given.at(-1)
      if (typeof told !== 'function') return Reflect.apply(call, self, given)
      const ended = around((error, result) => void Reflect.apply(told, undefined, [error, result]))
      return Reflect.apply(call, self, [...given.slice(0, -1), ended])
    },
  })
}
