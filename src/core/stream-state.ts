// All that is known about one stream for one consumer: a plain value that stores keep and the rules advance.
// Upholds I1 and I3: position, held spans and accounts together say what became of every number.
import type { ConflictMemory } from './conflict-memory.ts'
import type { Epoch, Sequence } from './sequence.ts'
import type { Span } from './spans.ts'

/** Two clocks of the store: `now` for retries and for people, `readingMs` for patience. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Milliseconds in which a worker of the consumer was reading its source; never goes backwards. */
  readonly readingMs: number
}

/** How far the healing of a gap has come. */
export interface HealProgress {
  /** Attempts that were begun. */
  readonly attempts: number
  /** When the last one is over at the latest, or the next may begin; milliseconds since 1970. */
  readonly nextAt: number
  /** Which part of what there is was looked through in vain, where the healer says so. */
  readonly searched?: string
}

/**
 * When a gap opened, by both clocks, and what was tried since. A gap that shrinks or is split keeps it.
 */
export interface GapClock extends Clock {
  readonly heal?: HealProgress
}

/** A run of held events, or a held fill, with what is missing in front of it. */
export interface HeldSpan {
  readonly kind: 'events' | 'fill'
  readonly epoch: Epoch
  /**
   * The number that must be accounted for before this span is in turn; `null`: it starts the epoch (linked).
   */
  readonly after: Sequence | null
  readonly to: Sequence
  /** Held events in the span; 1 for a fill. */
  readonly count: number
  /** The clock of the gap in front, if there is one. */
  readonly clock: GapClock
  /** Why the numbers of a fill were burned. */
  readonly reason?: string
}

/** A range of numbers in one epoch. */
export interface EpochSpan extends Span {
  readonly epoch: Epoch
}

/** What stays known about an epoch that has ended. */
export interface EndedEpoch {
  readonly epoch: Epoch
  /** Its first number; absent where there is no lower bound. */
  readonly baseline: Sequence | undefined
  readonly position: Sequence
  readonly lost: readonly Span[]
  readonly filled: readonly Span[]
}

/**
 * Why a stream stands still, and since when. A halt `half-turn` only says that what comes cannot be placed:
 * it stops nothing that can be, and ends by itself when all can be again.
 */
export interface Halt {
  readonly cause: 'gap' | 'failure' | 'schema' | 'operator' | 'effect-partial' | 'restart' | 'half-turn'
  /** Milliseconds since 1970. */
  readonly at: number
  readonly reason: string
  /** Who, where a person did it. */
  readonly by?: string
  /** Cause `gap`: the halt ends once everything up to here has come. */
  readonly gapTo?: { readonly epoch: Epoch; readonly sequence: Sequence }
}

/** An event that is in turn and failed; it is held at the head of its stream. */
export interface Failing {
  readonly epoch: Epoch
  readonly sequence: Sequence
  /** How often its handler was called; 0 where what it carries was refused before. */
  readonly attempts: number
  /** Milliseconds since 1970, by the store's clock. */
  readonly firstAt: number
  /** When the next attempt is due; absent once the attempts are used up and the stream is halted. */
  readonly retryAt?: number
  readonly error: string
  /** The first lines of the error's stack. */
  readonly stack?: string
  /**
   * The worker that makes the attempt now, where it was committed before it began because attempts have ended
   * processes: all others leave the stream alone until `retryAt`.
   */
  readonly runningBy?: string
}

/** A counter that wraps: how far it has gone in one epoch, beyond what is accounted for and held. */
export interface SeenMark {
  readonly epoch: Epoch
  /** The greatest number that was seen, refused ones included. */
  readonly greatest: number
  /** It has gone so far that no number can be placed any more. */
  readonly isLost?: true
  /** An operator has said that what comes again follows what is held: nothing may overtake it. */
  readonly isResumed?: true
}

/** How far a counter that wraps had gone when a place in its log was reached. */
export interface LogMark {
  readonly at: Sequence
  /** The greatest number that was seen up to there. */
  readonly greatest: number
}

/** A counter that wraps: how far the open epoch had gone at some places of the log that it is read from. */
export interface LogMarks {
  /** The fingerprint of the log's name. */
  readonly log: number
  readonly epoch: Epoch
  /** Ascending by both. */
  readonly marks: readonly LogMark[]
}

/** How many numbers of the stream came to which account, over all epochs. */
export interface AccountCounts {
  readonly delivered: number
  readonly filtered: number
  readonly filled: number
  readonly lost: number
  readonly removed: number
  readonly late: number
  /** Handled elsewhere, before the position was imported. */
  readonly imported: number
  /** Counts against the others: accounts that were cut when an operator sought backwards. */
  readonly recalled: number
}

/** How many duplicates of a stream came, and when; by the store's clock, in milliseconds since 1970. */
export interface Duplicates {
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
}

/** What says that the producer may count again: what came bears a used number, and is no copy. */
export interface RestartSigns {
  /**
   * How it is known: made later than all that was accepted, by a producer that the stream did not know, or
   * (with neither times nor producers) with another id than the first event of the stream.
   */
  readonly evidence: 'time' | 'producer' | 'id'
  /** The epoch that the events bear on the wire. */
  readonly wireEpoch: Epoch
  /** How many of them were taken for duplicates, because nothing else is to be done about it. */
  readonly settled: number
  /** When the first and the last of them came, by the store's clock. */
  readonly firstAt: number
  readonly lastAt: number
  /** The lowest and the highest number that they bear. */
  readonly from: Sequence
  readonly to: Sequence
  /** The earliest and the latest time that they bear, in milliseconds since 1970. */
  readonly since?: number
  readonly until?: number
  /** The fingerprint of the first producer that was not known. */
  readonly producer?: number
}

/** A run of a producer that has counted again without saying so: its events are of an epoch of their own. */
export interface Run {
  /** The epoch that its events bear on the wire, and the one that they are of. */
  readonly wireEpoch: Epoch
  readonly epoch: Epoch
  /** Its events were made at this time or later, in milliseconds since 1970. */
  readonly since?: number
  /** The newest event of the runs before: what was made in between is of no run for certain. */
  readonly after?: number
  /** Instead of times: the fingerprints of the producers of the runs before. */
  readonly earlier?: readonly number[]
}

/**
 * One stream's state: a value, which nobody changes once it is made, so stores may keep and give the same
 * object. A new stream is {@link unknownStream}.
 */
export interface StreamState {
  /** The epoch of the position; 0 while the position is unknown. */
  readonly epoch: Epoch
  /** The last number accounted for without a hole below it; `undefined`: unknown, which is not 0. */
  readonly position: Sequence | undefined
  /** The first number of the epoch that belongs to this consumer; what lies below is late. */
  readonly baseline: Sequence | undefined
  readonly lost: readonly Span[]
  readonly filled: readonly Span[]
  /** Numbers below a baseline that came all the same. */
  readonly belowBaseline: readonly EpochSpan[]
  readonly ended: readonly EndedEpoch[]
  /** Numbers of all epochs that have ended, remembered or not. */
  readonly endedNumbers: number
  /** Sorted by (epoch, to), disjoint. */
  readonly held: readonly HeldSpan[]
  readonly heldCount: number
  readonly memory: ConflictMemory
  /** The fingerprint of the epoch's first event, where its number says that it is the first. */
  readonly firstPrint: number | undefined
  /** The latest time that an accepted event bears and that is believed, in milliseconds since 1970. */
  readonly newest: number | undefined
  /** Times of accepted events that were too far ahead of the clock to be believed; ascending, at most 8. */
  readonly ahead: readonly number[]
  /** Fingerprints of the epoch's producers, where the domain names the field; the newest is the last. */
  readonly producers: readonly number[]
  readonly duplicates: Duplicates | undefined
  readonly restart: RestartSigns | undefined
  /** Ascending by epoch. */
  readonly runs: readonly Run[]
  /** Counters that wrap: one for each epoch of which a number was refused. */
  readonly seen: readonly SeenMark[]
  readonly logged: LogMarks | undefined
  /** Linked and increasing numbering: of numbers at or below this nothing is known; an import sets it. */
  readonly provenAbove: Sequence | undefined
  readonly halt: Halt | undefined
  readonly failing: Failing | undefined
  /**
   * How many deliveries are still made in quarantine, each committed before it begins, because a worker died
   * with this stream in hand.
   */
  readonly quarantine: number
  /**
   * Of these the first so many may be deadly: they are under way, or were when a worker died beside or of
   * them. At most `quarantine`.
   */
  readonly suspects: number
  readonly counts: AccountCounts
}

/** Whether a halt stops the stream. */
export function haltStops({ halt }: Pick<StreamState, 'halt'>): boolean {
  return halt !== undefined && halt.cause !== 'half-turn'
}

/** A stream of which nothing is known yet. */
export const unknownStream: StreamState = {
  epoch: 0,
  position: undefined,
  baseline: undefined,
  lost: [],
  filled: [],
  belowBaseline: [],
  ended: [],
  endedNumbers: 0,
  held: [],
  heldCount: 0,
  memory: [],
  firstPrint: undefined,
  newest: undefined,
  ahead: [],
  producers: [],
  duplicates: undefined,
  restart: undefined,
  runs: [],
  seen: [],
  logged: undefined,
  provenAbove: undefined,
  halt: undefined,
  failing: undefined,
  quarantine: 0,
  suspects: 0,
  counts: { delivered: 0, filtered: 0, filled: 0, lost: 0, removed: 0, late: 0, imported: 0, recalled: 0 },
}
