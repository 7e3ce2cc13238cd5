// Reads entries that are not in hand, in the order: own, others, fresh. Upholds I3: what a call did of which
// no reply came is looked up.
//
// Phases: own (what is pending with this consumer and not in hand: after opening, and after a failed call) ->
// others (what was pending with anybody for too long) -> fresh (what nobody has read; now and then others).
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { systemTimers } from '../../ports/timers.ts'
import { claimStart } from './consumer-group.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { InHand } from './in-hand.ts'
import type { Losses } from './losses.ts'
import type { EntryDelivery, EntryOrGone, ReadEntry } from './stream-entry.ts'
import { isBefore, lowestId } from './stream-entry.ts'

/** What a reader is made of. */
export interface EntryReaderParts {
  readonly group: ConsumerGroup
  readonly losses: Losses
  readonly inHand: InHand
  /** Whether a group that is gone may be created again, at the beginning. */
  readonly isFromBeginning: boolean
  /** How often to look for what others left, in milliseconds. */
  readonly claimEveryMs: number
  readonly deliveryOf: (entry: ReadEntry, isRedelivered: boolean) => EntryDelivery
}

/** How many entries are asked for where only it matters whether there are any. */
const lookedAtMax = 1_000

/** Reads for one consumer. */
export class EntryReader {
  readonly #parts: EntryReaderParts
  #phase: 'own' | 'others' | 'fresh' = 'own'
  #ownCursor = lowestId
  #claimCursor = claimStart
  #nextClaimMs = 0
  #isNewGroup = false
  #seen = lowestId
  /** What was read and not fetched yet. */
  #read: EntryDelivery[] = []

  constructor(parts: EntryReaderParts) {
    this.#parts = parts
  }

  /** No entry up to this id is left for anybody of the group to read. */
  get seen(): string {
    return this.#seen
  }

  /** How many were read and not fetched yet. */
  get waiting(): number {
    return this.#read.length
  }

  /** Begins from the start, with nothing in hand, as after a restart. */
  begin(isNewGroup: boolean): void {
    this.#isNewGroup = isNewGroup
    this.#read = []
    this.#parts.inHand.clear()
    this.#startOver()
  }

  /** The next entries, at most so many; none where there are none, or where there is no room for more. */
  async fetch(max: number): Promise<readonly EntryDelivery[]> {
    if (this.#read.length === 0) await this.#recover(() => this.#readMore(max))
    return this.#read.splice(0, max)
  }

  /** Whether anything is left to be fetched; what another one has left just now counts. */
  async hasMore(): Promise<boolean> {
    return this.#read.length > 0 || ((await this.#recover(() => this.#lookForMore())) ?? true)
  }

  /**
   * What a failed call did is unknown: entries may be pending here that nobody has in hand. `undefined`: the
   * group was gone, and reading begins anew.
   */
  async #recover<T>(call: () => Promise<T>): Promise<T | undefined> {
    const { group, losses, isFromBeginning } = this.#parts
    try {
      return await call()
    } catch (error) {
      this.#startOver()
      if (!isMissingGroup(error) || !isFromBeginning) throw error
      if (await group.create('0')) this.#isNewGroup = true
      losses.tell('the group was gone, and was created again: everything in the stream comes again')
      return undefined
    }
  }

  async #lookForMore(): Promise<boolean> {
    const { before, last } = await this.#parts.group.progress()
    if (last !== undefined && isBefore(before, last)) return true
    if (!this.#isCatchingUp) this.#lookAtOthers()
    await this.#catchUp(lookedAtMax)
    return this.#isCatchingUp || this.#read.length > 0
  }

  async #readMore(max: number): Promise<void> {
    const { inHand } = this.#parts
    await this.#catchUp(max)
    if (this.#isCatchingUp || this.#read.length > 0 || inHand.room === 0) return
    if (systemTimers.elapsedMs() >= this.#nextClaimMs) await this.#claim(Math.min(max, inHand.room))
    // Whatever others left: what is new does not wait for it.
    if (inHand.room > 0) await this.#readFresh(Math.min(max, inHand.room))
  }

  /** Goes through what is pending, as far as it takes to find something that is not in hand. */
  async #catchUp(max: number): Promise<void> {
    const { group, inHand } = this.#parts
    while (this.#phase === 'own' && this.#read.length === 0 && inHand.room > 0) {
      const entries = await group.own(this.#ownCursor, max)
      await this.#take(entries, true)
      this.#ownCursor = entries.at(-1)?.id ?? this.#ownCursor
      if (entries.length < max) this.#lookAtOthers()
    }
    while (this.#phase === 'others' && this.#read.length === 0 && inHand.room > 0) {
      await this.#claim(Math.min(max, inHand.room))
      if (this.#claimCursor === claimStart) this.#phase = 'fresh'
    }
  }

  async #claim(count: number): Promise<void> {
    const { group, losses, claimEveryMs } = this.#parts
    const { entries, next, gone } = await group.claim(this.#claimCursor, count)
    this.#claimCursor = next
    if (next === claimStart) this.#nextClaimMs = systemTimers.elapsedMs() + claimEveryMs
    if (gone.length > 0) losses.pendingGone(gone)
    await this.#take(entries, true)
  }

  async #readFresh(count: number): Promise<void> {
    const { group, losses } = this.#parts
    const { before, lost, deleted, given, entries } = await group.fresh(count)
    if (this.#isNewGroup) losses.begin(deleted)
    this.#isNewGroup = false
    losses.checkUnread({ before, lost, deleted })
    this.#seen = entries.at(-1)?.id ?? given
    await this.#take(entries, false)
  }

  /** Takes entries in hand that are not, and settles those that are no longer there. */
  async #take(entries: readonly EntryOrGone[], isRedelivered: boolean): Promise<void> {
    const { group, losses, inHand, deliveryOf } = this.#parts
    const gone: string[] = []
    for (const entry of entries) {
      if (inHand.has(entry.id)) continue
      if ('isGone' in entry) {
        gone.push(entry.id)
        continue
      }
      inHand.add(entry.id)
      this.#read.push(deliveryOf(entry, isRedelivered))
    }
    if (gone.length === 0) return
    losses.pendingGone(gone)
    await group.acknowledge(gone)
  }

  get #isCatchingUp(): boolean {
    return this.#phase !== 'fresh'
  }

  #startOver(): void {
    this.#phase = 'own'
    this.#ownCursor = lowestId
    this.#claimCursor = claimStart
  }

  #lookAtOthers(): void {
    this.#phase = 'others'
    this.#claimCursor = claimStart
  }
}

/** Whether a call failed because the stream has no such group, or is not there at all. */
function isMissingGroup(error: unknown): boolean {
  const cause = error instanceof InturnError ? error.cause : error
  return /^NOGROUP|no such key/.test(errorMessage(cause))
}
