// What the client makes of answers, changed where it is not what reading needs: whatever it asks it asks by
// requests that it gets by name. The name is exported, and promised to nobody; tests against brokers hold it.
import type { Base } from '@platformatic/kafka'
import type { KafkaLibrary } from './library.ts'

/** What is told of the end of a request. */
export type Told = (error: Error | null, result?: unknown) => void

/** The same client; from now on what `around` makes of it is told of the ends of its requests. */
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
