// Turns a commit into what the scripts take, shard by shard, before anything is sent: what cannot be kept is
// refused while nothing has happened. Upholds I2.
import { encodeState } from '../../core/encode-state.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import type { ScriptArgument } from '../../redis/packed-arguments.ts'
import type { ScriptCall } from '../../redis/script-call.ts'
import type { KnownRecord } from './claims.ts'
import { encodedDomain } from './domain-totals.ts'
import { effectArguments } from './effect-partial.ts'
import { boundsOf, heldParts } from './held.ts'
import { inboxLua } from './inbox.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'
import { leavesLua } from './leaves.ts'
import type { StreamlessRecords } from './records.ts'
import { noRecords, RecordsByShard } from './records.ts'
import { encodeCounted, flagsOf } from './stream-record.ts'

const recordsLua = lua`
  -- Dead letters and ledger entries. Their ids are microseconds of the server's clock and rise within a
  -- shard, so that the records of all shards can be read in the order in which they were kept.
  local last_ids = {}
  local function next_id()
    local last_id = last_ids[base] or tonumber(redis.call('HGET', key('counts'), 'last') or 0)
    last_ids[base] = math.max(micros, last_id + 1)
    redis.call('HSET', key('counts'), 'last', whole(last_ids[base]))
    return last_ids[base]
  end

  -- A dead letter is kept as: id, path, text; zero bytes in between.
  local function forget_letter(name)
    local kept = redis.call('HGET', key('letter'), name)
    if not kept then return end
    local path = string.match(kept, '^%d+%z([^%z]*)%z')
    redis.call('HDEL', key('letter'), name)
    redis.call('ZREM', key('letters'), name)
    if path ~= '' then redis.call('ZREM', key('letters:' .. path), name) end
  end

  local function keep_letter(name, path, text)
    if redis.call('HEXISTS', key('letter'), name) == 1 then return end
    local id = whole(next_id())
    redis.call('HSET', key('letter'), name, table.concat({ id, path, text }, '\0'))
    redis.call('ZADD', key('letters'), id, name)
    if path ~= '' then redis.call('ZADD', key('letters:' .. path), id, name) end
  end

  local function keep_entry(path, text)
    local id = whole(next_id())
    redis.call('XADD', key('ledger'), id .. '-0', 't', text)
    if path ~= '' then redis.call('ZADD', key('ledger:' .. path), id, id) end
  end

  local function keep_records()
    for _ = 1, take() do forget_letter(take()) end
    for _ = 1, take() do keep_letter(take(), take(), take()) end
    for _ = 1, take() do keep_entry(take(), take()) end
  end
`
const partsLua = lua`
  -- Of the call in hand: its fence, who the claims belong to, and what comes of it.
  local fence, stamp, owner
  local released, again, has_waiting, has_domain_count, has_probed

  local function flag(flags, bit)
    return floor(flags / bit) % 2 == 1
  end

  local function keep_due(name, path, was_due, at)
    if at ~= '' then
      redis.call('ZADD', key(name), at, path)
    elseif was_due then
      redis.call('ZREM', key(name), path)
    end
  end

  -- The first byte of a record: 0 nothing, 1 waits, 2 its head failed, 3 halted; 4: due by the clock;
  -- 8: due by the reading clock. It spares a stream that moves and waits for nothing all other writes.
  local function keep_standing(path, old, new)
    if new % 4 > 0 then
      redis.call('ZADD', key('waiting'), 0, path)
    elseif old % 4 > 0 then
      redis.call('ZREM', key('waiting'), path)
    end
    if old % 4 == 3 then count('halted', -1) elseif old % 4 == 2 then count('failing', -1) end
    if new % 4 == 3 then count('halted', 1) elseif new % 4 == 2 then count('failing', 1) end
  end

  -- A record is its flags, a stamp (fence, and when it was written), the count of deliveries, and the state.
  local function delivered_of(record)
    local _, written_at = unpacked(record, 2)
    local _, delivered_at = unpacked(record, written_at)
    return (unpacked(record, delivered_at))
  end

  local function put_record(path, new, leaf, at)
    if at then redis.call('LSET', leaf_key(leaf), at, new) else insert_record(leaf, path, new) end
  end

  -- Whoever has the claim knows where the record was when it was claimed: nobody else writes it. Where there
  -- is no such leaf any more, the stream is searched for.
  local function keep_known(path, new, leaf, at)
    if not redis.pcall('LSET', leaf_key(leaf), at, new).err then return end
    local _, found, place = find_record(path)
    put_record(path, new, found, place)
  end

  -- The state is kept with the count in front of it where the record is known, and so are its old flags.
  local function keep_stream(path, leaf, at)
    local state, deliveries, flags = take(), tonumber(take()), tonumber(take())
    local start, old_flags = char(flags) .. stamp, 0
    if leaf ~= '' then
      old_flags = tonumber(take())
      keep_known(path, start .. state, leaf, at)
    else
      local record, found, place = find_record(path)
      local delivered = 0
      if record then old_flags, delivered = byte(record), delivered_of(record) end
      put_record(path, start .. packed(delivered + deliveries) .. state, found, place)
    end
    count('deliveries', deliveries)
    if flags > 0 or old_flags > 0 then
      keep_standing(path, old_flags, flags)
      keep_due('due', path, flag(old_flags, 4), flag(flags, 4) and take() or '')
      keep_due('reading', path, flag(old_flags, 8), flag(flags, 8) and take() or '')
    end
  end

  local function count_domain(kind, path, difference)
    has_domain_count = true
    count(kind .. domain_of(path), difference)
  end

  local function keep_held(path)
    local name, difference = key('held:' .. path), 0
    for _ = 1, take() do
      difference = difference - redis.call('ZREMRANGEBYLEX', name, take(), take())
    end
    for _ = 1, take() do
      local place, text = take(), take()
      local replaced = redis.call('ZREMRANGEBYLEX', name, '[' .. place .. '\0', '(' .. place .. '\1')
      difference = difference + 1 - replaced
      redis.call('ZADD', name, 0, place .. '\0' .. text)
    end
    count_domain('held/', path, difference)
    if redis.call('EXISTS', name) == 1 then
      redis.call('ZADD', key('holding'), 0, path)
    else
      redis.call('ZREM', key('holding'), path)
    end
  end

  local function settle_inbox(path)
    local arrivals, redrives, newest, seen = inbox_in(redis.call('HGET', key('inboxes'), path))
    seen = math.max(seen, tonumber(take()))
    for _ = 1, take() do
      local id = take()
      local found = redis.call('ZRANGEBYLEX', key('arrivals'), '[' .. id .. '\0', '(' .. id .. '\1')[1]
      local place, of = string.match(found or '', '^[^%z]*%z([^%z]*)%z(.*)$')
      if of == path then
        local start = place .. '\0' .. id
        redis.call('ZREM', key('arrivals'), found)
        redis.call('ZREMRANGEBYLEX', key('inbox:' .. path), '[' .. start .. '\0', '(' .. start .. '\1')
        if string.sub(place, 1, 1) == 'r' then redrives = redrives - 1 else arrivals = arrivals - 1 end
        count_domain('over/', path, -1)
      end
    end
    keep_inbox(path, arrivals, redrives, newest, seen)
  end

  -- What refuses every write (full memory, a replica, a disk that failed) does so only at the first write of
  -- a script. This is that one: if it is refused the script ends here, and nothing has happened.
  local function probe()
    if not has_probed then redis.call('HSET', key('claims'), fence, owner) end
    has_probed = true
  end

  local function take_list()
    local list = {}
    for at = 1, take() do list[at] = take() end
    return list
  end

  local function labels_of(path, commands)
    local labels, start = {}, #key('own:' .. path .. ':') + 1
    for at, command in ipairs(commands) do labels[at] = command[1] .. ' ' .. string.sub(command[2], start) end
    return labels
  end

  -- Runs what handlers gave, in order; a command that fails ends it. Gives nothing if all went well, and else
  -- what happened, as JSON: the first event of the failing step, the events of the steps before, the step's
  -- commands and how many of them ran, and the error.
  local function run_effects(path)
    local done = {}
    probe()
    for _ = 1, take() do
      local events, commands = take_list(), {}
      for at = 1, take() do commands[at] = take_list() end
      for at, command in ipairs(commands) do
        local reply = redis.pcall(unpack(command))
        if type(reply) == 'table' and reply.err then
          local told = { at = events[1], done = done, ran = at - 1, error = reply.err }
          told.commands = labels_of(path, commands)
          return cjson.encode(told)
        end
      end
      for _, event in ipairs(events) do done[#done + 1] = event end
    end
  end

  local function settle_partial(path)
    redis.call('HDEL', key('partial'), path)
    redis.call('ZREM', key('waiting'), path)
  end

  -- What has run cannot be undone: it is kept, so that nobody runs it again before the position has moved.
  local function keep_partial(path, told)
    redis.call('HSET', key('partial'), path, told)
    redis.call('ZADD', key('waiting'), 0, path)
  end

  -- As in a release: whoever hands events over looks for the claim after it has written.
  local function release(index, path)
    released[#released + 1] = path
    if has_waiting == nil then has_waiting = redis.call('EXISTS', key('handed')) == 1 end
    if has_waiting and has_new(redis.call('HGET', key('inboxes'), path)) then again[#again + 1] = index end
  end

  -- Parts of any kind; those of a stream that simply moved are kept without asking.
  local function keep_parts(parts, index, path, leaf, at)
    local has = function(part) return string.find(parts, part, 1, true) end
    if has('p') then settle_partial(path) end
    local told = has('e') and run_effects(path)
    if told then
      if has('s') then keep_partial(path, told) end
      return told
    end
    if has('s') then keep_stream(path, leaf, at) end
    if has('h') then keep_held(path) end
    if has('d') then settle_inbox(path) end
    if has('r') then keep_records() end
    if has('c') then release(index, path) end
    return 1
  end
`
export const commitScript: LuaScript = storeScript(
  recordsLua,
  leavesLua,
  inboxLua,
  partsLua,
  lua`
  -- Commits the changes of one shard: first every claim is checked, then for each stream its commands run,
  -- and then all else is written. Redis has no rollback, so nothing that is written can fail for its type.
  -- KEYS: a shard. ARGV: fence, worker, 1 if the unit has no other claims in this shard, number of streams,
  -- path, leaf and index in the leaf of each, and then for each its parts. Gives: for each stream 1, 0 (claim
  -- lost) or what happened where a command failed, the counts if those of a domain changed, and the indexes
  -- of released streams whose inboxes have entries that were not looked at.
  local worker, is_last, streams
  fence, worker, is_last, streams = take(), take(), take() == '1', tonumber(take())
  stamp, released, again = packed(tonumber(fence)) .. packed(now), {}, {}
  has_waiting, has_domain_count, has_probed = nil, false, false
  local outcomes, paths, places = {}, {}, taken
  for index = 1, streams do paths[index] = ARGV[places + 3 * index - 2] end
  taken = places + 3 * streams
  paths[streams + 1] = fence
  local claims = call_many('HMGET', key('claims'), paths)
  paths[streams + 1] = nil
  owner = claims[streams + 1]
  local is_owner = owner and string.match(owner, '^%d+ (.*)$') == worker
  for index = 1, streams do outcomes[index] = is_owner and claims[index] == fence and 1 or 0 end

  -- A stream's parts: how many arguments they are, then one letter for each part that it has, then the parts.
  -- Of one that simply moved they are its count and state, and how many deliveries it had.
  local plain_start, moved = char(0) .. stamp, 0
  for index, path in ipairs(paths) do
    local ends = taken + 1 + ARGV[taken + 1]
    if outcomes[index] == 1 then
      local parts, leaf, at = ARGV[taken + 2], ARGV[places + 3 * index - 1], ARGV[places + 3 * index]
      if parts == 'm' or parts == 'mc' then
        keep_known(path, plain_start .. ARGV[taken + 3], leaf, at)
        moved = moved + ARGV[taken + 4]
        if parts == 'mc' then release(index, path) end
      else
        taken = taken + 2
        outcomes[index] = keep_parts(parts, index, path, leaf, at)
      end
    end
    taken = ends
  end
  count('deliveries', moved)
  if is_last and #released == #paths then
    released[#released + 1] = fence
    redis.call('ZREM', key('units'), fence)
  end
  call_many('HDEL', key('claims'), released)
  write_counts()
  return { outcomes, has_domain_count and redis.call('HGETALL', key('counts')) or {}, again }
`,
)
const keepRecordsScript = storeScript(
  recordsLua,
  lua`
  -- Keeps what needs no claim: dead letters taken out, dead letters, ledger entries, and domains that are
  -- paused or resumed. KEYS: a shard.
  keep_records()
  for _ = 1, take() do redis.call('HSET', key('paused'), take(), take()) end
  write_counts()
  return 1
`,
)
const keepIdsScript = storeScript(lua`
  -- Remembers processed ids of one domain, and forgets those beyond their window. An id's score is until when
  -- it is remembered, in microseconds, so that ids of one moment keep their order. KEYS: a shard. ARGV:
  -- domain, number of ids, milliseconds, ids.
  local name, most, ms = key('ids:' .. take()), tonumber(take()), tonumber(take())
  local ends = micros + floor(ms * 1000)
  for place = 1, last - taken do redis.call('ZADD', name, whole(ends + place), take()) end
  redis.call('ZREMRANGEBYSCORE', name, '-inf', whole(micros))
  redis.call('ZREMRANGEBYRANK', name, 0, -most - 1)
  return 1
`)

/** The streams of a commit that lie in one shard. */
interface ShardCommit {
  readonly shard: number
  readonly paths: readonly StreamPath[]
  readonly call: ScriptCall
}

/** A commit, ready to be sent. */
export interface PreparedCommit {
  readonly streams: readonly ShardCommit[]
  /** What belongs to no stream. It is written first: it may be written twice, and never not at all. */
  readonly first: readonly ScriptCall[]
  /** What a stream's part has beside its shard; nothing, of what the engine commits. */
  readonly last: ReadonlyMap<StreamPath, readonly ScriptCall[]>
}

/** Whose records are written. */
export interface RecordTarget {
  readonly keyspace: Keyspace
  readonly consumer: string
}

/** Whose commit it is. */
export interface CommitTarget extends RecordTarget {
  readonly worker: string
  /** The fence of the unit's claims in a shard. */
  readonly fenceOf: (shard: number) => number
  /** What the unit knows of a claimed stream's record; nothing where there is none, or nobody knows where. */
  readonly recordOf: (stream: StreamPath) => KnownRecord | undefined
  /** Whether the unit has no claims in a shard but those of the streams that end with the commit. */
  readonly isLast: (shard: number) => boolean
}

/** Prepares a commit. */
export function prepareCommit(commit: Commit, target: CommitTarget): PreparedCommit {
  const { keyspace } = target
  const last = new Map<StreamPath, readonly ScriptCall[]>()
  const ended = new Set(commit.ended)
  const parts = new Map<number, CommitParts>()
  for (const change of commit.streams) {
    const { stream, deadLetters, redriven, ledger } = change
    const shard = keyspace.shardOf(stream)
    let inShard = parts.get(shard)
    if (inShard === undefined) parts.set(shard, (inShard = { paths: [], places: [], args: [] }))
    inShard.paths.push(stream)
    let records: RecordsByShard | undefined
    if (deadLetters.length + redriven.length + ledger.length > 0) {
      records = new RecordsByShard(keyspace)
      records.add({ deadLetters, redriven, ledger }, shard)
    }
    const known = target.recordOf(stream)
    inShard.places.push(stream, known?.place.leaf ?? '', known?.place.at ?? '')
    addStream(inShard.args, change, { known, records: records?.take(shard), isEnded: ended.has(stream) })
    if (records !== undefined && records.shards.length > 0) last.set(stream, recordCalls(records, target))
  }
  return {
    streams: [...parts].map(([shard, inShard]) => shardCommit(target, shard, inShard)),
    first: streamlessCalls(commit, target),
    last,
  }
}

/** The calls that keep what belongs to no stream. */
export function streamlessCalls(
  commit: StreamlessRecords & Pick<Commit, 'ids'>,
  target: RecordTarget,
): ScriptCall[] {
  const { keyspace, consumer } = target
  const records = new RecordsByShard(keyspace)
  records.add(commit, keyspace.shards)
  const ids = (commit.ids ?? []).map(({ domain, ids, window }) => {
    const encoded = encodedDomain(domain)
    const base = keyspace.base(consumer, keyspace.shardOf(encoded))
    const args = [encoded, window.ids, window.ms, ...ids.map(keptText)]
    return { script: keepIdsScript, keys: [base], args } satisfies ScriptCall
  })
  return [...recordCalls(records, { ...target, paused: commit.paused ?? [] }), ...ids]
}

function recordCalls(
  records: RecordsByShard,
  target: RecordTarget & { readonly paused?: NonNullable<Commit['paused']> },
): ScriptCall[] {
  const { keyspace, consumer, paused = [] } = target
  const home = keyspace.shards
  const shards = new Set(paused.length > 0 ? [home, ...records.shards] : records.shards)
  return [...shards].map((shard) => {
    const pauses = shard === home ? paused : []
    const args = [
      ...(records.take(shard) ?? noRecords),
      String(pauses.length),
      ...pauses.flatMap(({ domain, paused: isPaused }) => [encodedDomain(domain), isPaused ? '1' : '0']),
    ]
    return { script: keepRecordsScript, keys: [keyspace.base(consumer, shard)], args }
  })
}

/** What is committed in one shard. */
interface CommitParts {
  readonly paths: StreamPath[]
  /** Path, leaf and index in the leaf of each. */
  readonly places: ScriptArgument[]
  readonly args: ScriptArgument[]
}

function shardCommit(
  { keyspace, consumer, worker, fenceOf, isLast }: CommitTarget,
  shard: number,
  { paths, places, args }: CommitParts,
): ShardCommit {
  const keys = [keyspace.base(consumer, shard)] as const
  const own: ScriptArgument[] = [fenceOf(shard), keptText(worker), isLast(shard) ? 1 : 0, paths.length]
  return { shard, paths, call: { script: commitScript, keys, args: own.concat(places, args) } }
}

/** What a stream's part of a commit has beside its change. */
interface StreamParts {
  readonly known: KnownRecord | undefined
  readonly records: readonly ScriptArgument[] | undefined
  readonly isEnded: boolean
}

/** Adds one stream's parts, as the script takes them: how many arguments, which parts there are, and each. */
function addStream(
  args: ScriptArgument[],
  change: StreamChange | StreamRecords,
  { known, records, isEnded }: StreamParts,
): void {
  if (known !== undefined && records === undefined && hasSimplyMoved(change, known)) {
    const { deliveries, state } = change
    args.push(3, isEnded ? 'mc' : 'm', encodeCounted(known.deliveries + deliveries, state), deliveries)
    return
  }
  const isChange = changesState(change)
  const hasHeld = isChange && (change.hold.length > 0 || change.release.length > 0)
  const inbox = inboxArguments(change)
  const { effects = [] } = change
  const parts = {
    p: isChange && change.settlesPartial === true,
    e: effects.length > 0,
    s: isChange,
    h: hasHeld,
    d: inbox.length > 0,
    r: records !== undefined,
    c: isEnded,
  }
  const letters = Object.entries(parts).map(([part, isThere]) => (isThere ? part : ''))
  const at = args.push(0, letters.join('')) - 2
  if (effects.length > 0) for (const argument of effectArguments(effects)) args.push(argument)
  if (isChange) args.push(...stateArguments(change, known))
  if (hasHeld) for (const argument of heldArguments(change)) args.push(argument)
  for (const argument of inbox) args.push(argument)
  if (records !== undefined) for (const argument of records) args.push(argument)
  args[at] = args.length - at - 1
}

/** Whether nothing of the stream stands, or stood, and nothing is told of it but its state. */
function hasSimplyMoved(change: StreamChange | StreamRecords, known: KnownRecord): change is StreamChange {
  if (!changesState(change) || known.flags !== 0 || flagsOf(change) !== 0) return false
  const { hold, release, decided, effects, settlesPartial, inboxSeen } = change
  if (hold.length + release.length + decided.length > 0 || inboxSeen !== undefined) return false
  return effects === undefined && settlesPartial === undefined
}

/** What is said of the stream's inbox; nothing where nothing is. */
function inboxArguments(change: StreamChange | StreamRecords): ScriptArgument[] {
  const { decided } = change
  const seen = changesState(change) ? change.inboxSeen : undefined
  return decided.length === 0 && seen === undefined ? [] : [seen ?? 0, decided.length, ...decided]
}

function stateArguments(change: StreamChange, known: KnownRecord | undefined): ScriptArgument[] {
  const { state, deliveries, due } = change
  const bytes = known === undefined ? encodeState(state) : encodeCounted(known.deliveries + deliveries, state)
  const args: ScriptArgument[] = [bytes, deliveries, flagsOf(change)]
  if (known !== undefined) args.push(known.flags)
  if (due.at !== undefined) args.push(due.at)
  if (due.readingMs !== undefined) args.push(due.readingMs)
  return args
}

function heldArguments({ release, hold }: StreamChange): string[] {
  return [
    String(release.length),
    ...release.flatMap(boundsOf),
    String(hold.length),
    ...hold.flatMap(heldParts),
  ]
}
