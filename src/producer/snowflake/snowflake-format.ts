// How a Snowflake id is put together: a timestamp, a worker and a counter in one whole number, so that ids
// sort by time. Pure arithmetic; who may use which part is in snowflake.ts and leased-worker.ts.
import { checkNames, givenText } from '../../core/check-names.ts'
import { InturnError } from '../../core/errors.ts'
import { wholeNumber } from '../../core/whole-number.ts'

/** How many bits each part of an id has, from the highest to the lowest; together at most 63. */
export interface SnowflakeLayout {
  /** Milliseconds since the epoch. 1 to 52; default 41, which is 69 years. */
  readonly timestampBits: number
  /** 0 to 30; default 10, which is 1,024 workers. */
  readonly workerBits: number
  /** 0 to 30; default 12, which is 4,096 ids a millisecond for each worker. */
  readonly counterBits: number
}

/** Options of {@link snowflakeFormat}. */
export interface SnowflakeFormatOptions {
  readonly layout?: Partial<SnowflakeLayout>
  /** Where timestamps begin: a date, or milliseconds since 1970. Default 2020-01-01T00:00:00Z. */
  readonly epoch?: number | Date
}

/** Every option of a format. */
export const formatNames: readonly (keyof SnowflakeFormatOptions)[] = ['layout', 'epoch']

/** An id: the number, or its decimal digits. */
export type SnowflakeId = bigint | string

/** The parts of an id. */
export interface SnowflakeParts {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly worker: number
  readonly counter: number
}

const defaultEpochMs = Date.UTC(2020, 0, 1)

/**
 * How ids are put together and taken apart. Programs that only read ids need nothing else.
 *
 * @throws InturnError `config-invalid` when the bits do not fit 63, or the epoch is no time, or for an
 * option that is unknown
 * @example
 * const { decode, idRange } = snowflakeFormat({ epoch: new Date('2020-01-01') })
 */
export function snowflakeFormat(options: SnowflakeFormatOptions = {}): SnowflakeFormat {
  checkNames(options, 'snowflakeFormat', formatNames)
  return new SnowflakeFormat(options)
}

/** How ids are put together; made by {@link snowflakeFormat}. */
export class SnowflakeFormat {
  readonly layout: SnowflakeLayout
  /** Milliseconds since 1970. */
  readonly epochMs: number
  /** Worker ids go from 0 to below this. */
  readonly workers: number
  /** Ids of one worker in one millisecond. */
  readonly idsPerMs: number
  /** The last timestamp that has room, in milliseconds since 1970. */
  readonly lastMs: number
  readonly #workerShift: bigint
  readonly #timeShift: bigint
  readonly #ids: bigint

  constructor({ layout = {}, epoch = defaultEpochMs }: SnowflakeFormatOptions) {
    checkNames(layout, 'snowflake: layout', ['timestampBits', 'workerBits', 'counterBits'])
    const { timestampBits = 41, workerBits = 10, counterBits = 12 } = layout
    checkBits({ timestampBits, workerBits, counterBits })
    this.layout = { timestampBits, workerBits, counterBits }
    this.epochMs = checkedTime(epoch, 'epoch', 'config-invalid')
    this.workers = 2 ** workerBits
    this.idsPerMs = 2 ** counterBits
    this.lastMs = this.epochMs + 2 ** timestampBits - 1
    this.#workerShift = BigInt(counterBits)
    this.#timeShift = BigInt(counterBits + workerBits)
    this.#ids = 1n << BigInt(timestampBits + workerBits + counterBits)
  }

  /**
   * Puts an id together.
   *
   * @throws InturnError `usage` when a part is out of its range
   */
  readonly encode = ({ timeMs, worker, counter }: SnowflakeParts): bigint => {
    checkPart('timeMs', timeMs, { least: this.epochMs, most: this.lastMs })
    checkPart('worker', worker, { least: 0, most: this.workers - 1 })
    checkPart('counter', counter, { least: 0, most: this.idsPerMs - 1 })
    const high = (BigInt(timeMs - this.epochMs) << this.#timeShift) | (BigInt(worker) << this.#workerShift)
    return high | BigInt(counter)
  }

  /**
   * Takes an id apart.
   *
   * @throws InturnError `usage` when it is no id of this layout
   */
  readonly decode = (id: SnowflakeId): SnowflakeParts => {
    const number = numberOf(id)
    if (number >= this.#ids) throw new InturnError('usage', `${id} is larger than any id of this layout`)
    return {
      timeMs: this.epochMs + Number(number >> this.#timeShift),
      worker: Number((number >> this.#workerShift) & BigInt(this.workers - 1)),
      counter: Number(number & BigInt(this.idsPerMs - 1)),
    }
  }

  /**
   * Orders ids by number, and so by time, whether they are numbers or text: for `sort`.
   *
   * @throws InturnError `usage` when one is no id
   */
  readonly compare = (one: SnowflakeId, other: SnowflakeId): -1 | 0 | 1 => {
    const [a, b] = [numberOf(one), numberOf(other)]
    return a < b ? -1 : a > b ? 1 : 0
  }

  /**
   * The ids of a span of time, whichever worker gave them: an id lies from `first` to `last`, both included,
   * exactly if its timestamp is at or after `from` and before `to`. Where no id can be, `last < first`.
   *
   * @param span - dates, or milliseconds since 1970; without `from` or `to` the span has no end on that side
   * @throws InturnError `usage` when `from` or `to` is no time
   */
  readonly idRange = (span: {
    readonly from?: number | Date
    readonly to?: number | Date
  }): { readonly first: bigint; readonly last: bigint } => {
    const from = checkedTime(span.from ?? this.epochMs, 'from', 'usage')
    const to = checkedTime(span.to ?? this.lastMs + 1, 'to', 'usage')
    return { first: this.#firstAt(from), last: this.#firstAt(Math.max(from, to)) - 1n }
  }

  /** The lowest id at or after a time. */
  #firstAt(timeMs: number): bigint {
    const sinceEpoch = Math.min(Math.max(timeMs, this.epochMs), this.lastMs + 1) - this.epochMs
    return BigInt(sinceEpoch) << this.#timeShift
  }
}

function numberOf(id: SnowflakeId): bigint {
  if (typeof id === 'bigint' && id >= 0n) return id
  if (typeof id === 'string' && /^\d{1,20}$/.test(id)) return BigInt(id)
  throw new InturnError('usage', `an id is a bigint or its decimal digits, not ${String(id)}`)
}

const mostBits: SnowflakeLayout = { timestampBits: 52, workerBits: 30, counterBits: 30 }

function checkBits(layout: SnowflakeLayout): void {
  const { timestampBits, workerBits, counterBits } = layout
  const names = ['timestampBits', 'workerBits', 'counterBits'] as const
  for (const name of names) {
    const least = name === 'timestampBits' ? 1 : 0
    wholeNumber(layout[name], { name: `snowflake: layout.${name}`, least, most: mostBits[name] })
  }
  const sum = timestampBits + workerBits + counterBits
  if (sum <= 63) return
  const parts = `${timestampBits} timestamp + ${workerBits} worker + ${counterBits} counter`
  const message = `snowflake: layout has ${sum} bits (${parts}); an id has room for 63`
  throw new InturnError('config-invalid', message)
}

function checkedTime(time: number | Date, name: string, code: 'config-invalid' | 'usage'): number {
  const ms = time instanceof Date ? time.getTime() : time
  if (Number.isSafeInteger(ms) && Math.abs(ms) <= 8.64e15) return ms
  const message = `snowflake: ${name} takes a date, or whole milliseconds since 1970, not ${givenText(time)}`
  throw new InturnError(code, message)
}

function checkPart(name: string, value: number, range: { least: number; most: number }): void {
  wholeNumber(value, { name: `snowflake: ${name}`, ...range, code: 'usage' })
}
