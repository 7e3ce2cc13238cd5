// Puts the lists of all shards together in one order, reading from each only as much as a page needs.

/** An entry with what it is ordered by, different for every entry. */
export interface OrderedEntry<Value> {
  readonly order: string
  readonly value: Value
}

/** Some entries of one shard, ascending, and whether these are the last. */
export interface ShardPage<Value> {
  readonly entries: readonly OrderedEntry<Value>[]
  readonly isLast: boolean
}

/** How shards are read. */
export interface ShardLists<Value> {
  readonly shards: readonly number[]
  readonly limit: number
  /** Reads entries of some shards behind what is given for each, at least `count` of each that has more. */
  readonly read: (
    asked: readonly { readonly shard: number; readonly behind: string | undefined }[],
    count: number,
  ) => Promise<readonly ShardPage<Value>[]>
}

interface Cursor<Value> {
  readonly shard: number
  entries: readonly OrderedEntry<Value>[]
  next: number
  isLast: boolean
  behind: string | undefined
}

/** The first entries of all shards together. */
export async function mergedPage<Value>(lists: ShardLists<Value>): Promise<OrderedEntry<Value>[]> {
  const { shards, limit, read } = lists
  const count = Math.ceil(limit / Math.max(shards.length, 1)) + 4
  const cursors = shards.map((shard): Cursor<Value> => {
    return { shard, entries: [], next: 0, isLast: false, behind: undefined }
  })
  const page: OrderedEntry<Value>[] = []
  while (page.length < limit) {
    const empty = cursors.filter((cursor) => cursor.next >= cursor.entries.length && !cursor.isLast)
    if (empty.length > 0) fill(empty, await read(empty, Math.min(count, limit)))
    const first = lowest(cursors)
    if (first === undefined) {
      if (empty.length === 0) break
      continue
    }
    page.push(first)
  }
  return page
}

function fill<Value>(cursors: readonly Cursor<Value>[], pages: readonly ShardPage<Value>[]): void {
  for (const [index, cursor] of cursors.entries()) {
    const { entries, isLast } = pages[index] ?? { entries: [], isLast: true }
    cursor.entries = entries
    cursor.next = 0
    cursor.isLast = isLast
    cursor.behind = entries.at(-1)?.order ?? cursor.behind
  }
}

/** Takes the lowest entry; nothing while a shard that may have a lower one has to be read first. */
function lowest<Value>(cursors: readonly Cursor<Value>[]): OrderedEntry<Value> | undefined {
  let lowestCursor: Cursor<Value> | undefined
  for (const cursor of cursors) {
    const entry = cursor.entries[cursor.next]
    if (entry === undefined) {
      if (!cursor.isLast) return undefined
      continue
    }
    const least = lowestCursor?.entries[lowestCursor.next]
    if (least === undefined || entry.order < least.order) lowestCursor = cursor
  }
  return lowestCursor?.entries[lowestCursor.next++]
}
