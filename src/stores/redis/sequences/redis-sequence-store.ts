// The sequence store on Redis. All numbers lie in one slot, and each call is one script, so none is given
// twice.
import { hash } from 'node:crypto'
import type { LogStream } from '../../../core/append-errors.ts'
import { InturnError } from '../../../core/errors.ts'
import { encodePart, parseStreamPath, streamPath } from '../../../core/stream-path.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  SequenceStore,
  StoredReservation,
} from '../../../ports/sequence-store.ts'
import type { Connection } from '../connection.ts'
import type { LuaScript } from '../lua-script.ts'
import { scriptOf } from '../lua-script.ts'
import type { RedisArgument } from '../redis-client.ts'
import { at, listIn, numberIn, textIn, textsIn } from '../reply.ts'
import { warnOfSettings } from '../server-settings.ts'

const reserveScript = script('reserve')
const useScript = script('use')
const burnScript = script('burn')
const listBurnedScript = script('list-burned')
const publishScript = script('publish')
const assignScript = script('assign')
const lastScript = script('last-number')

/** How long an ended reservation is remembered, so that `use` and `burn` may be called again. */
const rememberedMs = 3_600_000

/** Messages that one script numbers. */
const assignMax = 1_000

/** What a sequence store is made of. */
export interface RedisSequenceStoreParts {
  readonly connection: Connection
  readonly prefix: string
  readonly onWarning: (message: string) => void
}

/** A sequence store on Redis; made by `redisSequences`. */
export class RedisSequenceStore implements SequenceStore {
  readonly name: string
  readonly durable = true
  readonly #parts: RedisSequenceStoreParts
  readonly #connection: Connection
  readonly #base: string
  #opening: Promise<void> | undefined
  #isClosed = false

  constructor(parts: RedisSequenceStoreParts) {
    const { connection, prefix } = parts
    this.name = connection.name
    this.#parts = parts
    this.#connection = connection
    this.#base = `{${prefix}:numbers}`
  }

  async open(): Promise<void> {
    this.#isClosed = false
    await this.#opened()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#opening = undefined
    await this.#connection.close()
  }

  async reserve(
    { domain, stream }: LogStream,
    { count, claimMs }: { readonly count: number; readonly claimMs: number },
  ): Promise<StoredReservation> {
    const path = streamPath(domain, stream)
    const reply = await this.#call(reserveScript, [path, count, claimMs, rememberedMs])
    const [first, reservation, until] = listIn(reply)
    const from = numberIn(first)
    if (reservation === undefined) return usedUp({ domain, stream })
    return { from, to: from + count - 1, reservation: textIn(reservation), until: numberIn(until) }
  }

  async use(reservation: string): Promise<boolean> {
    return (await this.#call(useScript, [reservation])) === 1
  }

  async burn(reservation: string, reason: string): Promise<boolean> {
    return (await this.#call(burnScript, [reservation, reason])) === 1
  }

  async burned(request: {
    readonly domain: string
    readonly limit: number
  }): Promise<readonly BurnedNumbers[]> {
    const reply = await this.#call(listBurnedScript, [encodePart(request.domain), request.limit])
    return listIn(reply).map((burned) => {
      const [reservation = '', from, to, path = '', reason = ''] = textsIn(burned)
      const { domain = request.domain, stream = '' } = parseStreamPath(path) ?? {}
      return { reservation, domain, stream, from: Number(from), to: Number(to), reason }
    })
  }

  async published(reservations: readonly string[]): Promise<void> {
    for (let from = 0; from < reservations.length; from += assignMax) {
      await this.#call(publishScript, reservations.slice(from, from + assignMax))
    }
  }

  async assign({ scope, messages, windowMax }: AssignRequest): Promise<readonly number[]> {
    const numbers: number[] = []
    for (let from = 0; from < messages.length; from += assignMax) {
      const some = messages.slice(from, from + assignMax)
      const args = some.flatMap(({ domain, stream, id }): RedisArgument[] => {
        const path = streamPath(domain, stream)
        return [path, messageDigest(path, id)]
      })
      const reply = listIn(await this.#call(assignScript, [encodePart(scope), windowMax, ...args]))
      for (const [index, message] of some.entries()) {
        const number = numberIn(at(reply, index))
        numbers.push(number === 0 ? usedUp(message) : number)
      }
    }
    return numbers
  }

  async last({ domain, stream }: LogStream): Promise<number> {
    return numberIn(await this.#call(lastScript, [streamPath(domain, stream)]))
  }

  async #call(called: LuaScript, args: readonly (RedisArgument | number)[]): Promise<unknown> {
    await this.#opened()
    const [reply] = await this.#connection.write([{ script: called, keys: [this.#base], args }])
    return reply
  }

  async #opened(): Promise<void> {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<void> {
    await this.#connection.open()
    await warnOfSettings(this.#connection, { keys: [this.#base], onWarning: this.#parts.onWarning })
  }
}

function script(name: string): LuaScript {
  return scriptOf(new URL('lua/prelude.lua', import.meta.url), new URL(`lua/${name}.lua`, import.meta.url))
}

/** What the window remembers of a message: enough of a digest that no two messages share it. */
function messageDigest(path: string, id: string): Buffer {
  return hash('sha256', `${path}\0${id}`, 'buffer').subarray(0, 16)
}

function usedUp({ domain, stream }: LogStream): never {
  throw new InturnError('event-invalid', `${domain}/${stream}: its numbers are used up`)
}
