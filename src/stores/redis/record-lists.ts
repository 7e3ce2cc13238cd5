// Dead letters, the ledger and what inboxes have, in the order in which it came, page by page.
import type { DeadLetter, LedgerEntry, StoredEntry } from '../../ports/records.ts'
import type { Paged, RecordQuery } from '../../ports/store-reader.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { groupsIn, textIn } from '../../redis/reply.ts'
import { readDeadLetter, readLedgerEntry } from '../../storage/record-text.ts'
import { domainOf } from './domain-totals.ts'
import { behindPlace } from './held.ts'
import { entryIn, listInboxScript } from './inbox.ts'
import { keptText } from './keyspace.ts'
import type { OrderedEntry, ShardPage } from './merged-pages.ts'
import { mergedPage } from './merged-pages.ts'
import { idBehind, letterShard, recordCursor } from './records.ts'
import type { ReaderScope } from './stream-lists.ts'

const readLettersScript = storeScript(lua`
  -- Dead letters in the order in which they were kept. KEYS: a shard. ARGV: path or nothing, from which id,
  -- limit. Gives: id and text of each. One that somebody deleted is passed over, and does not end the page.
  local path, from, limit = take(), take(), tonumber(take())
  local index = key(path == '' and 'letters' or 'letters:' .. path)
  local reply, passed = {}, 0
  repeat
    local names = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'LIMIT', passed, limit - #reply / 2)
    passed = passed + #names
    for _, name in ipairs(names) do
      local kept = redis.call('HGET', key('letter'), name)
      local id, text = string.match(kept or '', '^(%d+)%z[^%z]*%z(.*)$')
      if id then
        reply[#reply + 1] = id
        reply[#reply + 1] = text
      end
    end
  until #names == 0 or #reply / 2 == limit
  return reply
`)
const readLetterScript = storeScript(lua`
  -- One dead letter. KEYS: a shard. ARGV: its key. Gives: id and text, or nothing.
  local kept = redis.call('HGET', key('letter'), take())
  if not kept then return {} end
  return { string.match(kept, '^(%d+)%z[^%z]*%z(.*)$') }
`)
const readLedgerScript = storeScript(lua`
  -- Ledger entries in the order in which they were written. KEYS: a shard. ARGV: path or nothing, from which
  -- id, limit. Gives: id and text of each. An id with a round bracket before it is not included. One that
  -- somebody deleted is passed over, and does not end the page.
  local path, from, limit = take(), take(), tonumber(take())
  local found = {}
  if path == '' then
    local start = string.gsub(from, '^(%(?)(%d+)$', '%1%2-0')
    found = redis.call('XRANGE', key('ledger'), start, '+', 'COUNT', limit)
  else
    local index, passed = key('ledger:' .. path), 0
    repeat
      local ids = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'LIMIT', passed, limit - #found)
      passed = passed + #ids
      for _, id in ipairs(ids) do
        found[#found + 1] = redis.call('XRANGE', key('ledger'), id .. '-0', id .. '-0')[1]
      end
    until #ids == 0 or #found == limit
  end
  local reply = {}
  for _, entry in ipairs(found) do
    reply[#reply + 1] = string.match(entry[1], '^%d+')
    reply[#reply + 1] = entry[2][2]
  end
  return reply
`)

/** How many records are read at once where some of them may not be asked for. */
const leastAtOnce = 50

/** What is left of a query once the shards have done their part. */
type Kept<Item> = (item: Item) => boolean

/** Dead letters, as they were kept. */
export async function listLetters(
  scope: ReaderScope,
  query: RecordQuery & { readonly reason?: DeadLetter['reason']; readonly key?: string },
): Promise<Paged<DeadLetter>[]> {
  const { reason, key, domain, stream } = query
  const isKept: Kept<DeadLetter> = (letter) =>
    (reason === undefined || letter.reason === reason) &&
    (stream === undefined || letter.stream === stream) &&
    isOfDomain(letter.stream, domain)
  if (key !== undefined) {
    const letters = await readLetter(scope, key)
    return letters.filter((letter) => isKept(letter) && letter.cursor > (query.after ?? ''))
  }
  return filtered(query, isKept, async (after, limit) => {
    const page = await recordPage(scope, readLettersScript, { ...query, after, limit })
    return page.map(({ order, value }) => ({ ...readDeadLetter(value), cursor: order }))
  })
}

/** The ledger, as it was written. */
export async function listLedger(scope: ReaderScope, query: RecordQuery): Promise<Paged<LedgerEntry>[]> {
  const isKept: Kept<LedgerEntry> = (entry) => isOfDomain(entry.stream, query.domain)
  return filtered(query, isKept, async (after, limit) => {
    const page = await recordPage(scope, readLedgerScript, { ...query, after, limit })
    return page.map(({ order, value }) => ({ ...readLedgerEntry(value), cursor: order }))
  })
}

/** What the inboxes have, as it arrived. */
export async function listInbox(scope: ReaderScope, query: RecordQuery): Promise<Paged<StoredEntry>[]> {
  const { stream } = query
  const { connection, keyspace, consumer } = scope
  const isKept: Kept<StoredEntry> = (event) => isOfDomain(event.stream, query.domain)
  return filtered(query, isKept, async (after, limit) => {
    const page = await mergedPage<StoredEntry>({
      shards: stream === undefined ? scope.shards : [keyspace.shardOf(stream)],
      limit,
      read: async (asked, count) => {
        const replies = await connection.read(
          asked.map(({ shard, behind = after }) => ({
            script: listInboxScript,
            keys: [keyspace.base(consumer, shard)],
            args: [behind === undefined ? '-' : behindPlace(behind), count, stream ?? ''],
          })),
        )
        return replies.map((reply) => {
          const events = groupsIn(reply, 3).map(entryIn)
          const entries = events.map((event) => ({ order: event.arrivalId, value: event }))
          return { entries, isLast: events.length < count }
        })
      },
    })
    return page.map(({ value }) => ({ ...value, cursor: value.arrivalId }))
  })
}

async function readLetter(scope: ReaderScope, key: string): Promise<Paged<DeadLetter>[]> {
  const { connection, keyspace, consumer } = scope
  const shard = letterShard(keyspace, key)
  const reply = await connection.readOne({
    script: readLetterScript,
    keys: [keyspace.base(consumer, shard)],
    args: [keptText(key)],
  })
  return groupsIn(reply, 2).map(([id, text]) => {
    return { ...readDeadLetter(textIn(text)), cursor: recordCursor(textIn(id), shard) }
  })
}

/** A page of the records of all shards, or of those that may have a stream's. */
async function recordPage(
  { connection, keyspace, consumer, shards }: ReaderScope,
  script: LuaScript,
  { stream, after, limit }: Pick<RecordQuery, 'stream' | 'limit'> & { readonly after: string | undefined },
): Promise<OrderedEntry<string>[]> {
  const home = keyspace.shards
  return mergedPage<string>({
    shards: stream === undefined ? [...shards, home] : [keyspace.shardOf(stream), home],
    limit,
    read: async (asked, count) => {
      const replies = await connection.read(
        asked.map(({ shard, behind = after }) => ({
          script,
          keys: [keyspace.base(consumer, shard)],
          args: [stream ?? '', idBehind(behind, shard), count],
        })),
      )
      return asked.map(({ shard }, index): ShardPage<string> => {
        const entries = groupsIn(replies[index], 2).map(([id, text]) => {
          return { order: recordCursor(textIn(id), shard), value: textIn(text) }
        })
        return { entries, isLast: entries.length < count }
      })
    },
  })
}

/** Reads on until a page is full of what was asked for. */
async function filtered<Item>(
  { after, limit }: RecordQuery,
  isKept: Kept<Item>,
  read: (after: string | undefined, limit: number) => Promise<readonly Paged<Item>[]>,
): Promise<Paged<Item>[]> {
  const atOnce = Math.max(limit, leastAtOnce)
  const found: Paged<Item>[] = []
  let cursor = after
  while (found.length < limit) {
    const page = await read(cursor, atOnce)
    found.push(...page.filter(isKept))
    cursor = page.at(-1)?.cursor
    if (page.length < atOnce) break
  }
  return found.slice(0, limit)
}

function isOfDomain(stream: string | undefined, domain: string | undefined): boolean {
  return domain === undefined || (stream !== undefined && domainOf(stream) === domain)
}
