// Looks whether there is room for more dead letters and ledger entries. Upholds I7: where there is none,
// nothing more is processed until an operator has made some; what was there is never dropped.
import { InturnError } from '../core/errors.ts'
import type { StoreReader } from '../ports/store-reader.ts'
import type { Timers } from '../ports/timers.ts'

/** How many records a consumer may have. */
export interface RecordLimits {
  readonly deadLettersMax: number
  readonly ledgerMax: number
}

/** Where they are counted. */
export interface RecordRoomParts {
  readonly store: { readonly reader: Pick<StoreReader, 'recordCounts'> }
  readonly consumer: string
  readonly timers: Timers
}

/** Counting costs a store more than a batch does, so records may be more by what comes in this time. */
const lookEveryMs = 10_000
const lookWhenFullEveryMs = 1_000

/** The room for a consumer's records. */
export class RecordRoom {
  readonly #parts: RecordRoomParts
  readonly #limits: RecordLimits
  #nextLookMs = 0
  #lack: InturnError | undefined

  constructor(parts: RecordRoomParts, limits: RecordLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  /** Why nothing may be processed now, as `records-full`; `undefined` where there is room. */
  async lack(): Promise<InturnError | undefined> {
    const { store, consumer, timers } = this.#parts
    const now = timers.elapsedMs()
    if (now < this.#nextLookMs) return this.#lack
    const { deadLetters, ledger } = await store.reader.recordCounts(consumer)
    const { deadLettersMax, ledgerMax } = this.#limits
    if (deadLetters >= deadLettersMax) {
      const remedy = 'inturn dead retry or inturn dead drop makes room, or raise deadLettersMax'
      this.#lack = full(
        `consumer ${consumer} has ${deadLetters} dead letters of at most ${deadLettersMax}`,
        remedy,
      )
    } else if (ledger >= ledgerMax) {
      this.#lack = full(
        `the ledger of consumer ${consumer} has ${ledger} entries of at most ${ledgerMax}`,
        'raise ledgerMax',
      )
    } else this.#lack = undefined
    this.#nextLookMs = now + (this.#lack === undefined ? lookEveryMs : lookWhenFullEveryMs)
    return this.#lack
  }
}

function full(what: string, remedy: string): InturnError {
  return new InturnError(
    'records-full',
    `${what}: nothing more is processed until there is room; ${remedy}`,
    {
      retryable: true,
    },
  )
}
