// One consumer of one group of a Redis stream: each method is one round trip. Entries that were read are
// pending with the consumer until they are acknowledged, and another one may claim them once they were idle
// for too long. Upholds I4.
import type { Connection } from '../../redis/connection.ts'
import { lua, plainScript } from '../../redis/lua-script.ts'
import { listIn, numberIn, textIn } from '../../redis/reply.ts'
import type { EntryOrGone } from './stream-entry.ts'
import { entriesIn, lowestId } from './stream-entry.ts'

/** Which consumer of which group. */
export interface GroupOptions {
  readonly stream: string
  readonly group: string
  readonly consumerName: string
  /** How long an entry is pending without a word before others take it, in milliseconds. */
  readonly claimIdleMs: number
}

/** What the group had not read yet. */
export interface FreshEntries {
  readonly entries: readonly EntryOrGone[]
  /** What the group had read before. */
  readonly before: string
  /** How many entries were trimmed before the group read them, and were not told before. */
  readonly lost: number
  /** The highest id that was ever deleted from the stream by itself. */
  readonly deleted: string
  /** The highest id that was ever given: every later entry has a higher one. */
  readonly given: string
}

/** A part of what others left pending. */
export interface ClaimedEntries {
  readonly entries: readonly EntryOrGone[]
  /** Where to go on; the lowest id: everything was looked at. */
  readonly next: string
  /** Ids that were pending, and are no longer in the stream. */
  readonly gone: readonly string[]
}

/** How far a group is. */
export interface GroupProgress {
  readonly before: string
  /** The last entry that is there. */
  readonly last: string | undefined
  readonly added: number
  /** How many entries the group has not read; `undefined`: the server cannot tell. */
  readonly unread: number | undefined
}

/** Idle for so long that any other consumer takes it, whatever its patience, in milliseconds. */
const longIdleMs = 30 * 24 * 60 * 60 * 1_000
const idsPerCommand = 1_000
/** A trim looks at whole entries, so it takes few at a time, and never keeps the server busy for long. */
const trimmedMax = 100

const groupLua = lua`
  -- What all scripts share: reading flat lists of names and values, finding a group, and comparing ids: as
  -- text, because their two parts have 64 bits each and do not fit into a number.
  local function valueIn(list, name)
    for index = 1, #list, 2 do
      if list[index] == name then return list[index + 1] end
    end
  end

  local function groupOf(name)
    local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
    if groups.err and not string.find(groups.err, 'no such key', 1, true) then return groups end
    for _, group in ipairs(groups) do
      if valueIn(group, 'name') == name then return group end
    end
    return redis.error_reply('NOGROUP the stream has no such group')
  end

  local function isLower(one, other)
    local oneMs, oneNumber = string.match(one, '^(%d+)-(%d+)$')
    local otherMs, otherNumber = string.match(other, '^(%d+)-(%d+)$')
    if #oneMs ~= #otherMs then return #oneMs < #otherMs end
    if oneMs ~= otherMs then return oneMs < otherMs end
    if #oneNumber ~= #otherNumber then return #oneNumber < #otherNumber end
    return oneNumber < otherNumber
  end
`
const create = plainScript(
  groupLua,
  lua`
  -- Creates a group where it is missing, and the stream, and notes how many entries it has behind it, so that
  -- it can be told later how many were trimmed before it read them. KEYS: the stream. ARGV: group, id after
  -- which it begins. Gives whether it was missing.
  local created = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
  if created.err then
    if string.find(created.err, 'BUSYGROUP', 1, true) then return 0 end
    return created
  end
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  local behind = valueIn(info, 'entries-added')
  if ARGV[2] ~= '$' then behind = behind - valueIn(info, 'length') end
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', behind)
  return 1
`,
)
const read = plainScript(
  groupLua,
  lua`
  -- Reads what the group has not seen yet, and says what of the stream nobody of it will ever see: in one
  -- step, so that nothing can be trimmed in between. KEYS: the stream. ARGV: group, consumer, how many. Gives
  -- what the group had read before, how many entries were trimmed before it read them, the highest id that
  -- was ever deleted, the highest id that was ever given, and the entries.
  local group = groupOf(ARGV[1])
  if group.err then return group end
  local before, read = valueIn(group, 'last-delivered-id'), valueIn(group, 'entries-read')

  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  local added, length = valueIn(info, 'entries-added'), valueIn(info, 'length')
  local given, first = valueIn(info, 'last-generated-id'), valueIn(info, 'first-entry')
  -- Streams are trimmed from their beginning. So if anything that was read is still there, nothing unread
  -- went; and if not, all that is there is unread.
  local isAllUnread = isLower(before, first and first[1] or given)
  local lost = isAllUnread and read and math.max(0, added - length - read) or 0

  local from = { 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>' }
  local reply = redis.call('XREADGROUP', unpack(from))
  local entries = reply and reply[1][2] or {}
  if lost > 0 then
    -- Noted as passed over, so that they are not told again; older servers do not note that themselves.
    local last = #entries > 0 and entries[#entries][1] or given
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', added - length + #entries)
  end
  return { before, lost, valueIn(info, 'max-deleted-entry-id'), given, entries }
`,
)
const renew = plainScript(
  groupLua,
  lua`
  -- Says that entries are being worked on. KEYS: the stream. ARGV: group, consumer, the entries. Gives those
  -- that are pending now, and those that were, but are no longer in the stream: in one step, as what another
  -- consumer settles may be trimmed at once, and is no loss.
  local command = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0 }
  local lost = {}
  for index = 3, #ARGV do
    local id = ARGV[index]
    command[#command + 1] = id
    local isThere = #redis.call('XRANGE', KEYS[1], id, id) > 0
    if not isThere and #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) > 0 then lost[#lost + 1] = id end
  end
  command[#command + 1] = 'JUSTID'
  return { redis.call(unpack(command)), lost }
`,
)
const progress = plainScript(
  groupLua,
  lua`
  -- How far a group is: the id that it has read last, the id of the last entry that is there (empty: none),
  -- how many entries were ever added, and how many the group has not read (-1: the server cannot tell). KEYS:
  -- the stream.
  local group = groupOf(ARGV[1])
  if group.err then return group end
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  local last = valueIn(info, 'last-entry')
  return {
    valueIn(group, 'last-delivered-id'),
    last and last[1] or '',
    valueIn(info, 'entries-added'),
    valueIn(group, 'lag') or -1,
  }
`,
)
const handBack = plainScript(
  groupLua,
  lua`
  -- Makes everything that is pending with a consumer look idle for so long that any other takes it at once,
  -- and forgets the consumer if nothing is. KEYS: the stream. ARGV: group, consumer, for how long idle (ms),
  -- whether it may be forgotten. Gives how many pending entries are no longer in the stream: nobody will
  -- deliver them.
  local from, gone, kept = '-', 0, 0
  repeat
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 1000, ARGV[2])
    local ids = {}
    for index, entry in ipairs(pending) do
      ids[index] = entry[1]
      from = '(' .. entry[1]
    end
    if #ids > 0 then
      local command = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0 }
      for _, id in ipairs(ids) do command[#command + 1] = id end
      for _, word in ipairs({ 'IDLE', ARGV[3], 'JUSTID' }) do command[#command + 1] = word end
      local claimed = #redis.call(unpack(command))
      gone = gone + #ids - claimed
      kept = kept + claimed
    end
  until #ids < 1000
  if kept == 0 and ARGV[4] == '1' then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
  return gone
`,
)
const forgetConsumers = plainScript(
  groupLua,
  lua`
  -- Forgets consumers that have nothing pending, were not heard of for so long, and have a name that begins
  -- so. Looking and forgetting are one step: whoever has something pending is never forgotten, as that would
  -- take its entries along. KEYS: the stream. ARGV: group, beginning of the names, idle at least (ms). Gives
  -- how many.
  local forgotten = 0
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local name = valueIn(consumer, 'name')
    local isOurs = string.sub(name, 1, #ARGV[2]) == ARGV[2]
    if isOurs and valueIn(consumer, 'pending') == 0 and valueIn(consumer, 'idle') >= tonumber(ARGV[3]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
      forgotten = forgotten + 1
    end
  end
  return forgotten
`,
)
const trim = plainScript(
  groupLua,
  lua`
  -- Removes entries that every group has settled, and no other: what is pending with any group, or was not
  -- read by it yet, stays, and so does everything behind it. KEYS: the stream. ARGV: keep at least so many
  -- entries, remove at most so many. Gives how many were removed.
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
  if groups.err and not string.find(groups.err, 'no such key', 1, true) then return groups end
  local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
  if groups.err or #groups == 0 or excess <= 0 then return 0 end

  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.min(excess, tonumber(ARGV[2])) + 1)
  local lowest = oldest[#oldest][1]
  for _, group in ipairs(groups) do
    local needed = valueIn(group, 'last-delivered-id')
    local pending = redis.call('XPENDING', KEYS[1], valueIn(group, 'name'))
    if pending[1] > 0 and isLower(pending[2], needed) then needed = pending[2] end
    if isLower(needed, lowest) then lowest = needed end
  end
  return redis.call('XTRIM', KEYS[1], 'MINID', lowest)
`,
)

/** A consumer of a group. */
export class ConsumerGroup {
  readonly #connection: Connection
  readonly #options: GroupOptions

  constructor(connection: Connection, options: GroupOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Creates the group, and the stream, where they are missing; whether it was missing. */
  async create(from: '0' | '$'): Promise<boolean> {
    return numberIn(await this.#call(create, [this.#options.group, from])) === 1
  }

  /** What is pending with this consumer behind an id. */
  async own(after: string, count: number): Promise<readonly EntryOrGone[]> {
    const { stream, group, consumerName } = this.#options
    const from = ['GROUP', group, consumerName, 'COUNT', String(count), 'STREAMS', stream, after]
    const reply = await this.#send('XREADGROUP', from)
    // A list of streams, or with RESP3 a map of them by name.
    const [first] = Array.isArray(reply) ? listIn(reply) : []
    if (first !== undefined) return entriesIn(listIn(first)[1])
    return typeof reply === 'object' && reply !== null ? entriesIn(Object.values(reply)[0]) : []
  }

  /** Claims a part of what was pending with anybody for too long. */
  async claim(cursor: string, count: number): Promise<ClaimedEntries> {
    const { stream, group, consumerName, claimIdleMs } = this.#options
    const idle = [String(claimIdleMs), cursor, 'COUNT', String(count)]
    const reply = listIn(await this.#send('XAUTOCLAIM', [stream, group, consumerName, ...idle]))
    return {
      next: textIn(reply[0]),
      entries: entriesIn(reply[1]),
      gone: listIn(reply[2] ?? []).map(textIn),
    }
  }

  /** Reads what nobody of the group has read. */
  async fresh(count: number): Promise<FreshEntries> {
    const { group, consumerName } = this.#options
    const reply = listIn(await this.#call(read, [group, consumerName, String(count)]))
    return {
      before: textIn(reply[0]),
      lost: numberIn(reply[1]),
      deleted: textIn(reply[2]),
      given: textIn(reply[3]),
      entries: entriesIn(reply[4]),
    }
  }

  /** Settles entries, whoever they are pending with. */
  async acknowledge(ids: readonly string[]): Promise<void> {
    const { stream, group } = this.#options
    await Promise.all(chunksOf(ids).map((some) => this.#send('XACK', [stream, group, ...some])))
  }

  /**
   * Says that entries are being worked on. Which are no longer pending with the group, and which of those it
   * lost: they were removed from the stream before they were settled.
   */
  async renew(
    ids: readonly string[],
  ): Promise<{ readonly ended: readonly string[]; readonly lost: readonly string[] }> {
    const { group, consumerName } = this.#options
    const replies = await Promise.all(
      chunksOf(ids).map((some) => this.#call(renew, [group, consumerName, ...some])),
    )
    const idsAt = (at: number): string[] => replies.flatMap((reply) => listIn(listIn(reply)[at]).map(textIn))
    const renewed = new Set(idsAt(0))
    return { ended: ids.filter((id) => !renewed.has(id)), lost: idsAt(1) }
  }

  async progress(): Promise<GroupProgress> {
    const [before, last, added, lag] = listIn(await this.#call(progress, [this.#options.group]))
    const unread = numberIn(lag)
    return {
      before: textIn(before),
      last: textIn(last) === '' ? undefined : textIn(last),
      added: numberIn(added),
      unread: unread < 0 ? undefined : unread,
    }
  }

  /**
   * Leaves everything that is pending with this consumer to whoever comes next. How many of these entries are
   * no longer in the stream.
   */
  async handBack(options: { readonly andForget: boolean }): Promise<number> {
    const { group, consumerName } = this.#options
    const forget = options.andForget ? '1' : '0'
    return numberIn(await this.#call(handBack, [group, consumerName, String(longIdleMs), forget]))
  }

  /** Forgets consumers that have nothing pending and were not heard of for so long. */
  async forgetConsumers(namePrefix: string, idleMs: number): Promise<void> {
    await this.#call(forgetConsumers, [this.#options.group, namePrefix, String(idleMs)])
  }

  /** Removes what every group has settled, down to so many entries, until told to stop. */
  async trim(keptMin: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const removed = numberIn(await this.#call(trim, [String(keptMin), String(trimmedMax)]))
      if (removed < trimmedMax) return
    }
  }

  #send(command: string, args: readonly string[]): Promise<unknown> {
    return this.#connection.send(this.#options.stream, [command, ...args])
  }

  #call(script: typeof read, args: readonly string[]): Promise<unknown> {
    return this.#connection.call(script, this.#options.stream, args)
  }
}

/** The cursor at which looking for what others left begins, and has ended. */
export const claimStart: string = lowestId

function chunksOf(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / idsPerCommand) }, (_, index) =>
    ids.slice(index * idsPerCommand, (index + 1) * idsPerCommand),
  )
}
