// A list as every listing command prints it: a table of the first rows for people, or NDJSON of all for
// machines.
import type { Command } from 'commander'
import type { ConsumerView, RecordFilter } from '../operate/paging.ts'
import { printLines, printNdjson } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { pathOfNamed } from './stream-argument.ts'
import type { Cell } from './table.ts'
import { tableLines } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

/** The values of the flags of a list. */
export interface ListFlags {
  readonly json?: boolean
  readonly limit?: number
}

/** The values of the flags of a list of what a store has. */
export interface StoreListFlags extends StoreFlags, ListFlags {
  readonly domain?: string
}

/** What to list. */
export interface Listing<Item> {
  readonly items: AsyncIterable<Item>
  readonly head: readonly string[]
  readonly row: (item: Item) => readonly Cell[]
  readonly json: (item: Item) => unknown
  /** Said where there is nothing to list. */
  readonly none: string
}

const shownByDefault = 100

/** The command with the flag that limits a list. */
export function addLimitFlag(command: Command): Command {
  const description = 'at most so many (default: 100 in a table, all with --json)'
  return command.addOption(wholeNumberOption('--limit <n>', description, 1))
}

/** The command with the flags of a list of what a store has. */
export function addStoreListFlags(command: Command): Command {
  return addLimitFlag(addStoreFlags(command)).option('--domain <name>', 'only the streams of this domain')
}

/** Which records are asked for: those of the stream that is named, and of the domain of the flags. */
export async function recordFilter(
  view: ConsumerView,
  name: string | undefined,
  { domain }: { readonly domain?: string },
): Promise<RecordFilter> {
  return {
    ...(name !== undefined && { stream: await pathOfNamed(view, name) }),
    ...(domain !== undefined && { domain }),
  }
}

/** Prints a list; says how many items it had, as far as it was printed. */
export async function printListing<Item>(listing: Listing<Item>, flags: ListFlags): Promise<number> {
  return flags.json === true ? printAsJson(listing, flags) : printAsTable(listing, flags)
}

/** A record as it is printed: without its place in the list. */
export function withoutCursor<Item extends { readonly cursor: string }>(item: Item): Omit<Item, 'cursor'> {
  const { cursor: _, ...rest } = item
  return rest
}

async function printAsJson<Item>({ items, json }: Listing<Item>, flags: ListFlags): Promise<number> {
  let count = 0
  async function* values(): AsyncGenerator {
    for await (const item of items) {
      if (count >= (flags.limit ?? Infinity)) return
      count++
      yield json(item)
    }
  }
  await printNdjson(values())
  return count
}

async function printAsTable<Item>(listing: Listing<Item>, flags: ListFlags): Promise<number> {
  const limit = flags.limit ?? shownByDefault
  const rows: (readonly Cell[])[] = []
  let isMore = false
  for await (const item of listing.items) {
    if (rows.length >= limit) {
      isMore = true
      break
    }
    rows.push(listing.row(item))
  }
  const lines = rows.length === 0 ? [listing.none] : tableLines(listing.head, rows)
  const more = isMore ? [`... and more: --limit shows them, --json all`] : []
  await printLines([...lines, ...more])
  return rows.length
}
