// What a verification finds: something that a store's records say in two ways, and that does not add up.
import type { StreamPath } from '../../core/stream-path.ts'

/** Which two things were compared. */
export type BalanceCheck =
  /** Numbers up to the position, against the accounts that they came to. */
  | 'accounts'
  /** The store's own count of deliveries, against the accounts delivered. */
  | 'deliveries'
  /** Held events that are kept, against those that the state counts. */
  | 'held-count'
  /** Each held event, against the ranges and the position of its stream. */
  | 'held-place'
  /** The held ranges of a state, among themselves. */
  | 'held-ranges'
  /** Ranges in the ledger, against the accounts lost, filled, late and removed. */
  | 'ledger'
  /** Dead letters that took an event out of its stream, against the accounts removed. */
  | 'dead-letters'
  /** How much an inbox is said to have, against its entries. */
  | 'inbox'
  /** A domain's counters, against what is there. */
  | 'domain'
  /** Records of a stream that the store does not know. */
  | 'orphan'

/** Two things that should be equal, and are not. */
export interface Imbalance {
  readonly check: BalanceCheck
  readonly stream?: StreamPath
  readonly domain?: string
  readonly expected: string
  readonly found: string
  /** What was compared, in words. */
  readonly detail: string
}
