// One consumer of one group of a Redis stream: each method is one round trip. Entries that were read are
// pending with the consumer until they are acknowledged, and another one may claim them once they were idle
// for too long. Upholds I4.
import type { Connection } from './connection.ts'
import { lowestId } from './entry-id.ts'
import { luaScript } from './lua-script.ts'
import type { EntryOrGone } from './reply.ts'
import { entriesIn, listIn, numberIn, textIn } from './reply.ts'

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

const create = luaScript('create')
const read = luaScript('read')
const renew = luaScript('renew')
const progress = luaScript('progress')
const handBack = luaScript('hand-back')
const forgetConsumers = luaScript('forget-consumers')
const trim = luaScript('trim')

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
