// The form of the event-log suite: cases are data, and know no test runner. A log declares what it can do; a
// case that needs more is skipped with the reason that the log gives.
import type { EventLog } from '../../ports/event-log.ts'

/** What an event log may lack. `true`: it has it; a text: why not, which the report shows. */
export interface EventLogCapabilities {
  /** User data can be written in the transaction of an append. */
  readonly transaction: true | string
  /** Several log objects can work on the same data. */
  readonly handles: true | string
  /** What is appended survives closing the log. */
  readonly durable: true | string
}

/** An append beside user data, in one transaction; rejects, with nothing done, where `fails`. */
export type BesideUserData = (
  text: string,
  ids: readonly string[],
  options?: { readonly fails?: boolean },
) => Promise<void>

/** An event log for one case: empty, open, and alone. */
export interface EventLogFixture {
  readonly log: EventLog
  /** Lets time pass for the log's clock, and for its subscriptions. */
  readonly advanceTime: (ms: number) => Promise<void>
  /** Another process's log on the same data, open. */
  readonly secondHandle?: () => Promise<EventLog>
  /** Closes the log, and opens its data again. */
  readonly reopen?: () => Promise<EventLog>
  readonly transaction?: {
    /** Writes a text, and appends events with these ids to the stream `account/beside`. */
    readonly append: BesideUserData
    /** The texts that are committed. */
    readonly written: () => Promise<readonly string[]>
  }
  /** Closes everything that the fixture has opened, and removes its data. */
  readonly cleanup: () => Promise<void>
}

/** One law of the port. */
export interface EventLogCase {
  /** States the law; cites the invariants that it upholds. */
  readonly name: string
  readonly needs?: readonly (keyof EventLogCapabilities)[]
  /** Rejects when the law is broken. */
  readonly run: (fixture: EventLogFixture) => Promise<void>
}

/** Why a case is skipped for a log; `undefined`: it is not. */
export function eventLogSkipReason(
  { needs = [] }: EventLogCase,
  capabilities: EventLogCapabilities,
): string | undefined {
  return needs.map((need) => capabilities[need]).find((reason) => reason !== true)
}
