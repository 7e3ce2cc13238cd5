// What a domain has decided about its streams, as the rules need it: plain values, checked when the
// configuration is loaded. Upholds I7: every limit has a name and a default.
import type { TrackedNumbering } from './numbering.ts'

/** What happens to a gap once its healing and its patience have ended. */
export type GapEnd = 'wait' | 'skip' | 'halt'

/**
 * What happens when a producer seems to have started to count again under the same epoch: it is told, and no
 * more; the stream halts, and what may be new is refused; or, where it is certain, the next epoch opens.
 */
export type ResetAnswer = 'tell' | 'halt' | 'epoch'

/** How gaps are healed: by asking somebody for the missing numbers. */
export interface HealRules {
  /** How long a gap is left to close by itself first, in milliseconds since it opened. */
  readonly afterMs: number
  /** How often it is asked for; its patience does not end before the last attempt has. */
  readonly attempts: number
}

/** The rules of one domain whose streams are tracked. */
export interface StreamRules {
  readonly numbering: TrackedNumbering
  /** Held events (and held fills) a stream, at most. */
  readonly heldMax: number
  /** How far ahead of the position a contiguous number may lie. */
  readonly spanMax: number
  /** How far above the open epoch another one may lie; `undefined`: 1,000,000, or as far as the open one. */
  readonly epochSpanMax: number | undefined
  /** How many accepted numbers a stream remembers with the fingerprint of their id; 0 switches it off. */
  readonly conflictMemory: number
  /** How long a gap may stay open before `gapEnd`, in milliseconds of reading time. */
  readonly patienceMs: number
  readonly gapEnd: GapEnd
  readonly onReset: ResetAnswer
  /** `undefined`: nobody is asked for missing numbers. */
  readonly heal: HealRules | undefined
}

/** The defaults: held 1,000 a stream, spans of 1,000,000, 16 remembered numbers, 30 s of patience. */
export const defaultStreamLimits: Omit<StreamRules, 'numbering'> = {
  heldMax: 1_000,
  spanMax: 1_000_000,
  epochSpanMax: undefined,
  conflictMemory: 16,
  patienceMs: 30_000,
  gapEnd: 'wait',
  onReset: 'tell',
  heal: undefined,
}

/** How many ended epochs a stream remembers. */
export const endedEpochsMax = 8

/**
 * How many separate lost, filled or late ranges a stream keeps; beyond it the two oldest become one range.
 */
export const accountSpansMax = 10_000
