// A broker that says nothing, or is gone, is no reason to ask nobody else. The client waits for every answer
// as long as for that of a join. Whom it asks about the cluster is the first broker that takes a connection,
// each time, also where that one says nothing: as long as it does, nobody would know who leads what, and no
// group would find its coordinator. And a coordinator that is not in the cluster any more it goes on to ask
// for: a group would have lost it until it is back. Upholds I6 and I10.
import type { Base } from '@platformatic/kafka'
import { fieldOf } from '../../core/thrown.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { Told } from './around-requests.ts'
import { aroundRequests } from './around-requests.ts'
import type { KafkaLibrary } from './library.ts'

/** Brokers answer these at once; they are waited for no longer than so many milliseconds. */
const atOnce: ReadonlySet<string> = new Set(['Metadata', 'FindCoordinator', 'ListOffsets', 'Heartbeat'])
const answerMs = 5_000
/** What any broker may be asked. */
const ofAnybody: ReadonlySet<string> = new Set(['Metadata', 'FindCoordinator'])

/** The same client, which from now on asks others where a broker does not answer. */
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
    return inTime(ended, () => new NetworkError(`No answer to ${name} in ${answerMs / 1_000} s.`))
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
