// A sequencer: numbers events that are not appended to an event log. Numbers are reserved under a claim, and
// those that were not used in time are filled, so that no consumer waits for a number that nobody has.
//
// A reservation: open -> used, or open -> burned -> published (as a fill). Upholds I3.
import { checkFunctions, checkMethod, checkNames, checkTexts } from '../core/check-names.ts'
import { durationMs } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { FillEvent } from '../core/event.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { BurnedNumbers, SequenceStore, StoredReservation } from '../ports/sequence-store.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'

/** Options of {@link sequencer}. */
export interface SequencerOptions<Subject> {
  /** For example `sqliteSequences('bank.db')`. Opened by its first use; closed by whoever made it. */
  readonly store: SequenceStore
  /** The domain of the events that are numbered. */
  readonly domain: string
  /**
   * The stream key of what is numbered: a user, a producer, a partition, or one fixed word for one global
   * order. Default: the subject itself.
   */
  readonly scope?: (subject: Subject) => string
  /** How long numbers may be open before they are filled. Default 30 s. */
  readonly claim?: Duration
  /** Numbers a reservation, at most. Default 10,000; a consumer's `spanMax` must not be smaller. */
  readonly reserveMax?: number
  /** How often `fills` looks when there was nothing, in milliseconds. Default 1,000. */
  readonly pollMs?: number
  readonly timers?: Timers
}

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof SequencerOptions<unknown>, true>> = {
  store: true,
  domain: true,
  scope: true,
  claim: true,
  reserveMax: true,
  pollMs: true,
  timers: true,
}

/** Numbers of one stream, `from..to`. */
export interface Reservation {
  /** What {@link Sequencer.use} takes: keep it with what is numbered. */
  readonly id: string
  readonly domain: string
  readonly stream: string
  readonly from: number
  readonly to: number
  /** When the claim ends, in milliseconds since 1970, by the store's clock. */
  readonly until: number
  /**
   * The numbers belong to events that will be published for certain: they are kept somewhere durable. Call it
   * before publishing them.
   *
   * @throws InturnError `reservation-ended`: they are filled; publish nothing under them
   */
  use(): Promise<void>
  /**
   * The numbers will never come.
   *
   * @throws InturnError `reservation-ended`: they were used
   */
  burn(reason: string): Promise<void>
}

/** Numbers events. */
export interface Sequencer<Subject> {
  /** Reserves the next number of the subject's stream, or the next `count`. */
  next(subject: Subject, count?: number): Promise<Reservation>
  /**
   * The `use` of a reservation that this process no longer has: of one that was kept durably, by its id,
   * before a restart. Within an hour after its claim has ended it says what a first call would have said.
   *
   * @throws InturnError `reservation-ended`: its numbers are filled; publish nothing under them
   */
  use(id: string): Promise<void>
  /**
   * What is to be published so that consumers go on: each fill is published once its loop has come back for
   * the next one, and comes again if it did not. Ends with its signal.
   */
  fills(options?: { readonly signal?: AbortSignal }): AsyncIterable<FillEvent>
  /** The fills that are due now, each given to `publish` and done once that has resolved; says how many. */
  publishFills(publish: (fill: FillEvent) => Promise<void>): Promise<number>
}

/**
 * Numbers events: dense from 1 in each stream, over all processes that share the store.
 *
 * @throws InturnError `config-invalid` when an option is unknown or out of its range
 * @example
 * const numbers = sequencer({ store, domain: 'account', scope: (booking: Booking) => booking.account })
 * const { from, use } = await numbers.next(booking)
 */
export function sequencer<Subject = string>(options: SequencerOptions<Subject>): Sequencer<Subject> {
  checkNames(options, 'sequencer', Object.keys(optionNames))
  const { claim = '30s', reserveMax = 10_000, pollMs = 1_000 } = options
  checkCounts('sequencer', { reserveMax, pollMs })
  const { store, domain, scope } = options
  checkMethod(store, { path: 'sequencer: store', method: 'reserve' })
  checkTexts('sequencer', { domain }, 'a name')
  checkFunctions('sequencer', { scope })
  const claimMs = durationMs(claim, 'sequencer: claim')
  return new StoredSequencer(options, { claimMs, reserveMax, pollMs })
}

const fillsAtOnce = 100

class StoredSequencer<Subject> implements Sequencer<Subject> {
  readonly #store: SequenceStore
  readonly #domain: string
  readonly #scope: (subject: Subject) => string
  readonly #timers: Timers
  readonly #limits: { readonly claimMs: number; readonly reserveMax: number; readonly pollMs: number }

  constructor(
    { store, domain, scope = String, timers = systemTimers }: SequencerOptions<Subject>,
    limits: { readonly claimMs: number; readonly reserveMax: number; readonly pollMs: number },
  ) {
    this.#store = store
    this.#domain = domain
    this.#scope = scope
    this.#timers = timers
    this.#limits = limits
  }

  async next(subject: Subject, count = 1): Promise<Reservation> {
    const { claimMs, reserveMax } = this.#limits
    if (!Number.isSafeInteger(count) || count < 1 || count > reserveMax) {
      throw new InturnError('config-invalid', `next: count takes 1 to reserveMax ${reserveMax}, not ${count}`)
    }
    const place = { domain: this.#domain, stream: this.#scope(subject) }
    if (place.stream === '' || !place.stream.isWellFormed()) {
      throw new InturnError('event-invalid', 'next: the subject has no stream key, or one that is no Unicode')
    }
    const stored = await this.#store.reserve(place, { count, claimMs })
    const { from, to, until } = stored
    return {
      id: stored.reservation,
      ...place,
      from,
      to,
      until,
      use: async () => this.use(stored.reservation),
      burn: async (reason) => this.#burn(stored, reason),
    }
  }

  async use(id: string): Promise<void> {
    if (await this.#store.use(id)) return
    const message = `the claim of reservation ${id} has ended, and its numbers are filled: take new ones`
    throw new InturnError('reservation-ended', message)
  }

  async *fills({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<FillEvent, void> {
    while (!isAborted(signal)) {
      const burned = await this.#burned()
      for (const numbers of burned) {
        if (isAborted(signal)) return
        yield fillOf(numbers)
        await this.#store.published([numbers.reservation])
      }
      if (burned.length === 0) await this.#timers.sleep(this.#limits.pollMs, signal)
    }
  }

  async publishFills(publish: (fill: FillEvent) => Promise<void>): Promise<number> {
    let count = 0
    for (let burned = await this.#burned(); burned.length > 0; burned = await this.#burned()) {
      for (const numbers of burned) {
        await publish(fillOf(numbers))
        await this.#store.published([numbers.reservation])
        count++
      }
    }
    return count
  }

  #burned(): Promise<readonly BurnedNumbers[]> {
    return this.#store.burned({ domain: this.#domain, limit: fillsAtOnce })
  }

  async #burn({ reservation, from, to }: StoredReservation, reason: string): Promise<void> {
    if (await this.#store.burn(reservation, reason)) return
    throw new InturnError('reservation-ended', `${from} to ${to} were used, and cannot be burned`)
  }
}

function fillOf({ domain, stream, from, to, reason }: BurnedNumbers): FillEvent {
  return { domain, stream, epoch: 0, fill: { from, to, reason } }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
