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
import type { Connection } from '../../../redis/connection.ts'
import type { LuaScript } from '../../../redis/lua-script.ts'
import { lua, oneSlotScript } from '../../../redis/lua-script.ts'
import type { RedisArgument } from '../../../redis/redis-client.ts'
import { at, listIn, numberIn, textIn, textsIn } from '../../../redis/reply.ts'
import { warnOfSettings } from '../server-settings.ts'

const numbersLua = lua`
  -- What the scripts of a sequence store share, behind what all scripts in one slot share. Sequences are
  -- replied as text, as clients round the largest numbers.

  -- ':last' has the last number of each path. ':reservations' has each reservation as its state (open, used,
  -- burned or published), when its claim ends, first and last number, path and reason, with zero bytes in
  -- between. ':open:<domain>', ':burned:<domain>' and ':ended' have the reservations in these states by the
  -- end of their claims. ':assigned:<scope>' has the numbers of messages, and ':order:<scope>' the messages,
  -- the oldest first.
  local time = redis.call('TIME')
  local now = math.floor((time[1] * 1000000 + time[2]) / 1000 + ARGV[1])

  -- Takes the next numbers of a stream: the first of them, or nothing and the last one that was given, where
  -- the numbers are used up.
  local function take_numbers(path, count)
    local last = tonumber(redis.call('HGET', key('last'), path) or 0)
    if last > 9007199254740991 - count then return nil, last end
    redis.call('HSET', key('last'), path, whole(last + count))
    return last + 1
  end

  local function read_reservation(id)
    local text = redis.call('HGET', key('reservations'), id)
    if not text then return end
    local state, ends, first, last, path, reason =
      string.match(text, '^(%a+)%z(%d+)%z(%d+)%z(%d+)%z([^%z]+)%z(.*)$')
    return { state = state, ends = ends, first = first, last = last, path = path, reason = reason }
  end

  local function index_of(reservation, state)
    if state ~= 'open' and state ~= 'burned' then return key('ended') end
    return key(state .. ':' .. string.match(reservation.path, '^[^/]*'))
  end

  local function move_to(id, reservation, state)
    local former = reservation.state
    reservation.state = state
    local range = reservation.first .. '\0' .. reservation.last
    local fields = { state, reservation.ends, range, reservation.path, reservation.reason }
    redis.call('HSET', key('reservations'), id, table.concat(fields, '\0'))
    if former then redis.call('ZREM', index_of(reservation, former), id) end
    redis.call('ZADD', index_of(reservation, state), reservation.ends, id)
  end
`
const reserveScript = oneSlotScript(
  numbersLua,
  lua`
  -- Takes the next numbers of a stream under a claim, and forgets some of the reservations that ended long
  -- ago. KEYS: the numbers. ARGV: path, count, for how long, and for how long ended ones are remembered, both
  -- in milliseconds. Gives: the first number, the reservation, and until when; or the last number, where they
  -- are used up.
  local path, count, claim_ms, remembered_ms = take(), tonumber(take()), tonumber(take()), tonumber(take())
  local first, last = take_numbers(path, count)
  if not first then return { whole(last) } end

  local long_ago = '(' .. whole(now - remembered_ms)
  local forgotten = redis.call('ZRANGEBYSCORE', key('ended'), '-inf', long_ago, 'LIMIT', 0, 100)
  if #forgotten > 0 then
    redis.call('HDEL', key('reservations'), unpack(forgotten))
    redis.call('ZREM', key('ended'), unpack(forgotten))
  end

  -- As wide as any, so that the indexes sort those of one moment by their age.
  local id = string.format('%016.0f', redis.call('INCR', key('reserved')))
  local reservation = {
    ends = whole(now + claim_ms),
    first = whole(first),
    last = whole(first + count - 1),
    path = path,
    reason = '',
  }
  move_to(id, reservation, 'open')
  return { whole(first), id, now + claim_ms }
`,
)
const useScript = oneSlotScript(
  numbersLua,
  lua`
  -- The numbers are an event's now. KEYS: the numbers. ARGV: the reservation. Gives: 1, or 0 where they are
  -- not.
  local id = take()
  local reservation = read_reservation(id)
  if not reservation then return 0 end
  local is_open = reservation.state == 'open' and tonumber(reservation.ends) > now
  if is_open then move_to(id, reservation, 'used') end
  return reservation.state == 'used' and 1 or 0
`,
)
const burnScript = oneSlotScript(
  numbersLua,
  lua`
  -- The numbers will never come. KEYS: the numbers. ARGV: the reservation, and why. Gives: 1, or 0 where they
  -- were used.
  local id = take()
  local reservation = read_reservation(id)
  if not reservation then return 0 end
  if reservation.state == 'open' then
    reservation.reason = take()
    move_to(id, reservation, 'burned')
  end
  return reservation.state ~= 'used' and 1 or 0
`,
)
const listBurnedScript = oneSlotScript(
  numbersLua,
  lua`
  -- Burned numbers of a domain, after burning some whose claims have ended. KEYS: the numbers. ARGV: the
  -- domain as in paths, and how many. Gives: reservation, first and last number, path, reason, of each.
  local domain, limit = take(), take()
  local over = redis.call('ZRANGEBYSCORE', key('open:' .. domain), '-inf', whole(now), 'LIMIT', 0, limit)
  for _, id in ipairs(over) do
    local reservation = read_reservation(id)
    reservation.reason = 'the claim of the numbers has ended'
    move_to(id, reservation, 'burned')
  end
  local list = {}
  for at, id in ipairs(redis.call('ZRANGE', key('burned:' .. domain), 0, limit - 1)) do
    local reservation = read_reservation(id)
    list[at] = { id, reservation.first, reservation.last, reservation.path, reservation.reason }
  end
  return list
`,
)
const publishScript = oneSlotScript(
  numbersLua,
  lua`
  -- It was published that some numbers will never come. KEYS: the numbers. ARGV: the reservations.
  while taken < #ARGV do
    local id = take()
    local reservation = read_reservation(id)
    if reservation and reservation.state == 'burned' then move_to(id, reservation, 'published') end
  end
  return 1
`,
)
const assignScript = oneSlotScript(
  numbersLua,
  lua`
  -- The numbers of messages: those they got before, or the next ones. KEYS: the numbers. ARGV: the scope, how
  -- many messages it remembers, and for each message its stream's path and its digest. Gives: the number of
  -- each, or 0 where the numbers of its stream are used up.
  local scope, window_max = take(), tonumber(take())
  local assigned, order = key('assigned:' .. scope), key('order:' .. scope)
  local numbers = {}
  while taken < #ARGV do
    local path, digest = take(), take()
    local number = redis.call('HGET', assigned, digest)
    if not number then
      number = take_numbers(path, 1)
      if number then
        number = whole(number)
        redis.call('HSET', assigned, digest, number)
        redis.call('RPUSH', order, digest)
      end
    end
    numbers[#numbers + 1] = number or '0'
  end

  -- A window that was made smaller is not emptied at once.
  local extra = math.min(redis.call('LLEN', order) - window_max, 5000)
  if extra > 0 then redis.call('HDEL', assigned, unpack(redis.call('LPOP', order, extra))) end
  return numbers
`,
)
const lastScript = oneSlotScript(
  numbersLua,
  lua`
  -- The last number of a stream that was taken. KEYS: the numbers. ARGV: its path.
  return redis.call('HGET', key('last'), take()) or '0'
`,
)

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
    this.#connection.close()
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

/** What the window remembers of a message: enough of a digest that no two messages share it. */
function messageDigest(path: string, id: string): Buffer {
  return hash('sha256', `${path}\0${id}`, 'buffer').subarray(0, 16)
}

function usedUp({ domain, stream }: LogStream): never {
  throw new InturnError('event-invalid', `${domain}/${stream}: its numbers are used up`)
}
