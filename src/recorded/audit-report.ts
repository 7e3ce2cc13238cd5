// What an audit finds, and the sums it is made of.
import type { Sequence } from '../core/sequence.ts'
import type { InvalidReason } from './recorded-line.ts'

/** Numbers that are missing: `from..to`, both included. */
export interface AuditGap {
  readonly stream: string
  readonly epoch: number
  readonly from: Sequence
  readonly to: Sequence
}

/** An event whose number another event, or a fill, had before. */
export interface AuditConflict {
  readonly stream: string
  readonly epoch: number
  readonly sequence: Sequence
  readonly line: number
  /** Absent where the event has none. */
  readonly id?: string
  /** What had the number: the first event that bears it, or a fill that covers it. */
  readonly first: { readonly line: number; readonly id?: string; readonly fill?: true }
}

/** What an audit finds. */
export interface AuditReport {
  /** Lines that are not blank: unique + duplicates + conflicts + invalid + fills. */
  readonly events: number
  readonly streams: number
  readonly unique: number
  readonly duplicates: number
  readonly conflicts: number
  /** The first ones in the order of the log, as many as were asked for: `conflictsMax`. */
  readonly conflictLines: readonly AuditConflict[]
  readonly invalid: number
  /** Fill lines. */
  readonly fills: number
  /** Numbers covered by a fill and borne by no event. */
  readonly filled: number
  /** Exact, however large. */
  readonly missing: Sequence
  /** The first ones by stream, epoch and number; all of them unless they were capped. */
  readonly gaps: readonly AuditGap[]
  /** How many gaps there are, listed or not. */
  readonly gapCount: number
  /** Reordered singletons (RFC 4737), per stream, among first copies. */
  readonly outOfOrder: number
  /** The greatest reordering extent (RFC 4737). */
  readonly reorderExtentMax: number
  /** Linked numbering: events whose predecessor already has a successor. */
  readonly forks: number
  /** Nothing missing, duplicate, conflicting, forked, invalid or out of order. */
  readonly clean: boolean
  /** The first of the invalid lines. */
  readonly invalidLines: readonly { readonly line: number; readonly reason: InvalidReason }[]
  /** The streams with the most trouble, worst first. */
  readonly worst: readonly StreamTrouble[]
}

/** What is wrong with one stream. */
export interface StreamTrouble {
  readonly stream: string
  /** The stream's place in the order in which streams were first seen, from 0. */
  readonly number: number
  readonly missing: Sequence
  readonly duplicates: number
  readonly conflicts: number
  readonly outOfOrder: number
}

/** Something that happened to a number, for the picture. */
export interface TroubleMark {
  readonly stream: number
  readonly epoch: number
  readonly sequence: Sequence
  readonly kind: 'duplicate' | 'conflict' | 'reordered'
}

/** How an audit counts. */
export interface AuditOptions {
  /** Where numbers start; `lowest` is the smallest one seen of a stream's epoch. Default `lowest`. */
  readonly start?: Sequence | 'lowest'
  /** How many gaps are listed; default 1000. */
  readonly gapsMax?: number
  /** How many conflicts are listed; default 0. */
  readonly conflictsMax?: number
  /** Memory for sorting ids and numbers, beyond which runs go to the temporary folder; default 512 MiB. */
  readonly memoryBytes?: number
  /** Called for what the picture shows. */
  readonly onTrouble?: (mark: TroubleMark) => void
}

/** Memory for sorting, in bytes, unless said otherwise. */
export const memoryBytesDefault: number = 512 * 1024 * 1024
