// The form of the store suite: cases are data, and know no test runner. A store declares what it can do; a
// case that needs more is skipped with the reason that the store gives.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Store } from '../../ports/store.ts'

/** What a store may lack. `true`: it has it; a text: why not, which the report shows. */
export interface StoreCapabilities {
  /** Handlers can write inside the commit: `effects: 'transaction'`. */
  readonly transaction: true | string
  /** Handlers can give commands that run inside the commit. */
  readonly commands: true | string
  /** Several store objects can work on the same data. */
  readonly handles: true | string
  /** Readers do not wait for a unit of work in a transaction. */
  readonly readsBeside: true | string
  /** What is committed survives closing the store. */
  readonly durable: true | string
}

/** A worker's store that stands still: it renews no claim until it is resumed. */
export interface StalledHandle {
  readonly store: Store
  /** Lets it run again, for long enough to try a renewal. */
  readonly resume: () => Promise<void>
}

/** Writing and reading what a handler would. */
export interface HandlerEffects {
  /** Writes a text through `unit.transaction.forHandlers`. */
  readonly write: (transaction: unknown, text: string) => Promise<void>
  /** Every text that is committed, in the order in which they were written. */
  readonly written: () => Promise<readonly string[]>
}

/** Giving commands as a handler would, and reading what they did. Of a name nothing is there at first: 0. */
export interface CommandEffects {
  /** Has 1 added to what a name stands for. */
  readonly add: (commands: unknown, name: string) => void
  /** Gives a command that fails in the commit, because of what {@link add} has made of the name. */
  readonly spoil: (commands: unknown, name: string) => void
  readonly read: (consumer: string, stream: StreamPath, name: string) => Promise<number>
}

/** A store for one case: empty, open, and alone. */
export interface StoreFixture {
  readonly store: Store
  /** How long claims last in the cases, in milliseconds; short where time is real. */
  readonly claimMs: number
  /** Lets time pass for the store's clock, and for the renewal of claims. */
  readonly advanceTime: (ms: number) => Promise<void>
  /** Another worker's store on the same data, open. */
  readonly secondHandle?: () => Promise<Store>
  readonly stalledHandle?: () => Promise<StalledHandle>
  /** Closes the store, and opens its data again. */
  readonly reopen?: () => Promise<Store>
  readonly effects?: HandlerEffects
  readonly commands?: CommandEffects
  /** Closes everything that the fixture has opened, and removes its data. */
  readonly cleanup: () => Promise<void>
}

/** One law of the port. */
export interface StoreCase {
  /** States the law; cites the invariants that it upholds. */
  readonly name: string
  readonly needs?: readonly (keyof StoreCapabilities)[]
  /** Rejects when the law is broken. */
  readonly run: (fixture: StoreFixture) => Promise<void>
}

/** Why a case is skipped for a store; `undefined`: it is not. */
export function skipReason({ needs = [] }: StoreCase, capabilities: StoreCapabilities): string | undefined {
  return needs.map((need) => capabilities[need]).find((reason) => reason !== true)
}
