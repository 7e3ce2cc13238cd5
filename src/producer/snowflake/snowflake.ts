// Gives Snowflake ids: unique, rising, and in the order of time. An id is never given twice because its
// timestamp is never lower than that of the id before it, the counter only rises within a millisecond, and
// timestamps lie within what the worker id was granted for.
import { checkNames } from '../../core/check-names.ts'
import { InturnError, invariant } from '../../core/errors.ts'
import { wholeNumber } from '../../core/whole-number.ts'
import type { Timers } from '../../ports/timers.ts'
import { systemClock, systemTimers } from '../../ports/timers.ts'
import type { LeasedWorker } from './leased-worker.ts'
import type { SnowflakeFormatOptions, SnowflakeId, SnowflakeParts } from './snowflake-format.ts'
import { formatNames, SnowflakeFormat } from './snowflake-format.ts'
import type { WorkerGrant, WorkerIds } from './worker-grant.ts'

/** Options of {@link snowflake}. */
export interface SnowflakeOptions extends SnowflakeFormatOptions {
  /** A number that no other generator has at the same time, or one that is leased by {@link leasedWorker}. */
  readonly worker: number | LeasedWorker
  /**
   * How far the timestamps may run ahead of the clock, in milliseconds, when it is set back or more ids are
   * asked for than a millisecond has. 0 to 60,000; default 500.
   */
  readonly aheadMaxMs?: number
  /**
   * An id that this worker gave before: all that follow are greater. Only with a worker that is a number.
   * Keep the last id, and give it here, where the clock may have been set back while the process was away.
   */
  readonly after?: SnowflakeId
  /** Milliseconds since 1970. Default: the machine's clock. A leased worker has its own. */
  readonly now?: () => number
  /** What {@link Snowflake.take} waits with. Default: the machine's timers. */
  readonly timers?: Timers
}

/**
 * A generator of ids.
 *
 * @throws InturnError `config-invalid` when an option is unknown or out of its range, or the leased
 * worker belongs to another generator already
 * @example
 * const ids = snowflake({ worker: 7, epoch: new Date('2024-01-01') })
 * const id = ids.next()
 */
export function snowflake(options: SnowflakeOptions): Snowflake {
  checkNames(options, 'snowflake', [...formatNames, 'worker', 'aheadMaxMs', 'after', 'now', 'timers'])
  return new Snowflake(options)
}

/** How long {@link Snowflake.take} waits before it looks again, in milliseconds. */
const lookAgainMs = 1
const lookAgainMaxMs = 100

/** A generator of ids; made by {@link snowflake}. Its ids only rise. */
export class Snowflake {
  readonly format: SnowflakeFormat
  readonly #ids: WorkerIds
  readonly #aheadMaxMs: number
  readonly #timers: Timers
  #grant: WorkerGrant
  /** The clock when it was last looked at closely, and the highest it ever showed. */
  #seenMs = -Infinity
  #highestMs: number
  /** The timestamp of the last id. Rises only. */
  #usedMs: number
  /** How many more ids have that timestamp. */
  #left = 0
  #id = 0n

  constructor(options: SnowflakeOptions) {
    const { aheadMaxMs = 500, timers = systemTimers } = options
    wholeNumber(aheadMaxMs, { name: 'snowflake: aheadMaxMs', least: 0, most: 60_000 })
    this.format = new SnowflakeFormat(options)
    this.#ids = workerIdsOf(options, this.format)
    this.#ids.attach()
    this.#aheadMaxMs = aheadMaxMs
    this.#timers = timers
    this.#grant = this.#ids.grant
    this.#usedMs = this.#grant.usedMs
    this.#highestMs = this.#usedMs
  }

  /** The worker id of the ids that are given now. A leased one may change. */
  get worker(): number {
    return this.#ids.grant.worker
  }

  /** See {@link SnowflakeFormat.decode}. */
  decode(id: SnowflakeId): SnowflakeParts {
    return this.format.decode(id)
  }

  /** See {@link SnowflakeFormat.compare}. */
  compare(one: SnowflakeId, other: SnowflakeId): -1 | 0 | 1 {
    return this.format.compare(one, other)
  }

  /** See {@link SnowflakeFormat.idRange}. */
  idRange(span: { readonly from?: number | Date; readonly to?: number | Date }): {
    readonly first: bigint
    readonly last: bigint
  } {
    return this.format.idRange(span)
  }

  /**
   * The next id, greater than every one before it.
   *
   * @throws InturnError `clock-moved-back` and `too-many-ids` when the timestamp would have to be more than
   * `aheadMaxMs` ahead of the clock, `lease-expired` when the leased worker's time is over, all three
   * retryable; `shutting-down` once the leased worker is closed; `config-invalid` when the layout's time is
   * over
   */
  next(): bigint {
    const now = this.#ids.now()
    if (this.#left === 0 || now !== this.#seenMs || this.#grant !== this.#ids.grant) this.#look(now)
    this.#left--
    this.#id += 1n
    return this.#id
  }

  /** The next id as its decimal digits: what JSON and languages without 64-bit numbers keep exactly. */
  nextText(): string {
    return String(this.next())
  }

  /**
   * The next `count` ids, or none of them.
   *
   * @throws InturnError as {@link next}; `usage` when `count` is no whole number from 0
   */
  nextMany(count: number): bigint[] {
    checkCount(count)
    if (count === 0) return []
    const now = this.#ids.now()
    this.#look(now)
    const furtherMs = Math.ceil(Math.max(0, count - this.#left) / this.format.idsPerMs)
    this.#check(this.#usedMs + furtherMs, now)
    const ids: bigint[] = []
    while (ids.length < count) {
      if (this.#left === 0) this.#begin(this.#usedMs + 1)
      for (let some = Math.min(this.#left, count - ids.length); some > 0; some--) {
        this.#left--
        this.#id += 1n
        ids.push(this.#id)
      }
    }
    return ids
  }

  /**
   * The next `count` ids, waiting as long as it takes where {@link next} would throw a retryable error.
   *
   * @param signal - gives up waiting: it rejects with the signal's reason, and the ids that it had taken are
   * never given to anybody
   */
  async take(count: number, signal?: AbortSignal): Promise<bigint[]> {
    checkCount(count)
    const ids: bigint[] = []
    let waitMs = lookAgainMs
    while (ids.length < count) {
      signal?.throwIfAborted()
      try {
        ids.push(...this.nextMany(Math.min(count - ids.length, this.format.idsPerMs)))
        waitMs = lookAgainMs
      } catch (error) {
        if (!isPassing(error)) throw error
        await this.#timers.sleep(waitMs, signal)
        waitMs = Math.min(waitMs * 2, lookAgainMaxMs)
      }
    }
    return ids
  }

  /** Finds the timestamp of the next id; there is one left at it then. */
  #look(now: number): void {
    const { grant } = this.#ids
    const hasRoom = this.#left > 0 && grant === this.#grant
    const least = Math.max(grant.fromMs, hasRoom ? this.#usedMs : this.#usedMs + 1)
    const timeMs = Math.max(now, least)
    this.#highestMs = Math.max(this.#highestMs, now)
    this.#grant = grant
    if (!hasRoom) this.#left = 0
    this.#check(timeMs, now)
    if (timeMs !== this.#usedMs) this.#begin(timeMs)
    this.#seenMs = now
  }

  /** Whether a timestamp may be used. */
  #check(timeMs: number, now: number): void {
    const { lastMs, epochMs } = this.format
    if (timeMs >= this.#grant.untilMs) throw leaseExpired(this.#grant, this.#ids.failure)
    if (timeMs < epochMs) throw clockMovedBack(epochMs - now, 'the epoch')
    const aheadMs = timeMs - now
    if (aheadMs > this.#aheadMaxMs) {
      const isBack = this.#highestMs - now >= timeMs - this.#highestMs
      throw isBack ? clockMovedBack(aheadMs, 'the last id') : this.#tooMany()
    }
    if (timeMs <= lastMs) return
    const message = `snowflake: this layout has no timestamps after ${new Date(lastMs).toISOString()}`
    throw new InturnError('config-invalid', `${message}; give it a later epoch or more timestampBits`)
  }

  /** Goes on to a later timestamp. */
  #begin(timeMs: number): void {
    invariant(timeMs > this.#usedMs, `the timestamp of ids would go back to ${timeMs}`)
    const { worker } = this.#grant
    this.#id = this.format.encode({ timeMs, worker, counter: 0 }) - 1n
    this.#left = this.format.idsPerMs
    this.#usedMs = timeMs
    this.#grant.usedMs = timeMs
  }

  #tooMany(): InturnError {
    const rate = `${this.format.idsPerMs} a millisecond for more than ${this.#aheadMaxMs} ms`
    return new InturnError('too-many-ids', `snowflake: more ids were asked for than ${rate}`, {
      retryable: true,
    })
  }
}

function workerIdsOf(
  { worker, after, now = systemClock }: SnowflakeOptions,
  format: SnowflakeFormat,
): WorkerIds {
  if (typeof worker === 'object') {
    if (worker.workers <= format.workers && after === undefined) return worker
    const message =
      after === undefined
        ? `the leased worker ids go to ${worker.workers - 1}, the layout's only to ${format.workers - 1}`
        : "after goes with a worker that is a number; a leased one's store keeps what was used"
    throw new InturnError('config-invalid', `snowflake: ${message}`)
  }
  wholeNumber(worker, { name: 'snowflake: worker', least: 0, most: format.workers - 1 })
  const usedMs = after === undefined ? -Infinity : format.decode(after).timeMs
  return {
    workers: format.workers,
    grant: { worker, fromMs: usedMs + 1, untilMs: Infinity, usedMs },
    now: () => Math.floor(now()),
    attach: () => undefined,
    failure: undefined,
  }
}

function checkCount(count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return
  throw new InturnError('usage', `snowflake: a count of ids is a whole number from 0, not ${count}`)
}

const passing: ReadonlySet<string> = new Set(['clock-moved-back', 'too-many-ids', 'lease-expired'])

function isPassing(error: unknown): boolean {
  return error instanceof InturnError && passing.has(error.code)
}

function clockMovedBack(byMs: number, what: string): InturnError {
  const message = `snowflake: the clock stands ${byMs} ms before ${what}; it was set back, or is not set`
  return new InturnError('clock-moved-back', message, { retryable: true })
}

function leaseExpired({ worker, untilMs }: WorkerGrant, cause: unknown): InturnError {
  const until = new Date(untilMs).toISOString()
  const message = `snowflake: the lease of worker id ${worker} has timestamps only before ${until}`
  return new InturnError('lease-expired', message, { retryable: true, cause })
}
