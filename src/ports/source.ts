// The source port: where events come from. A source delivers at least once, in any order; it forgets an event
// only once it has been settled. Upholds I4.
import type { Sequence } from '../core/sequence.ts'
import type { Lease } from './store.ts'

/** Where a message lies in something that is read in order, and may be read again. */
export interface LogPlace {
  /** Names what is read: whenever its places begin again, or name other messages, the name is another one. */
  readonly log: string
  /** Rises in the order in which producers wrote: an offset, a number, an entry's id. */
  readonly at: Sequence
}

/** One message as a source delivered it. */
export interface Delivery {
  /** The message: an object, or text or bytes of JSON. Intake turns it into an event. */
  readonly message: unknown
  /** Where it was read, for people: `events.ndjson:17`, `accounts[3]@1042`. */
  readonly origin: string
  /** Names the domain, where the source knows it (a topic of its own). */
  readonly domain?: string
  /**
   * The source gave it out before, and does not know what became of it: whoever had it may have died of it.
   */
  readonly redelivered?: boolean
  /**
   * The length of the message in bytes where the source kept only its beginning; intake calls it too large.
   */
  readonly fullBytes?: number
  /** Then also its SHA-256, in hexadecimal digits: what tells it from others with the same beginning. */
  readonly digest?: string
  /**
   * How large an object is, in bytes and about: what limits how far a worker looks ahead. Text and bytes are
   * measured.
   */
  readonly bytes?: number
  /** Why the source could not make a message of it: it is `invalid` for that reason. */
  readonly problem?: string
  /**
   * Where it lies, if the source can tell. Without it, events of a counter that wraps must not come again
   * from half a turn back or further: nobody could tell them from those of later turns.
   */
  readonly logPlace?: LogPlace | undefined
}

/**
 * What a source may keep across restarts: its own note of how far it was settled, or one for each part of it
 * that is read by itself.
 */
export interface Checkpoint {
  load(part?: string): Promise<string | undefined>
  save(value: string, part?: string): Promise<void>
  /**
   * Takes or renews, for so many milliseconds, what only one of the consumer's readers may have at a time;
   * `undefined` while another one has it; 0 gives it back. Absent: there are no other readers.
   */
  lease?(part: string, ms: number): Promise<Lease | undefined>
}

/** How much to read. */
export interface ReadRequest {
  /** At most this many deliveries. */
  readonly max: number
  /** Wait at most this long for the first one, in milliseconds. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

/** How much of a source was read. */
export interface SourceExtent {
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'events'
}

/** A part of a source that is read by itself, as a partition. */
export interface SourcePart {
  /** For people: `clicks[3]`. */
  readonly name: string
  /** How many places lie between what is settled of it and its end; absent: nobody knows. */
  readonly behind?: number
  /** Who reads it, where that is known to whoever is asked. */
  readonly reader?: string
  /** Why it is not read on, or why what is settled of it is not kept. */
  readonly problem?: string
}

/**
 * A part of what a source had, from the first edge to in front of the other one: each a time
 * (`2026-01-02T03:04:05Z`), a duration before now (`2h`), or places as origins show them.
 */
export interface SourceWindow {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/**
 * A source.
 *
 * `log`: deliveries have places, and settling means that everything up to a place is done; the source
 * remembers what is settled beyond the longest safe prefix. `queue`: each delivery is settled by itself.
 */
export interface Source<Message extends Delivery = Delivery> {
  /** For people, and the name under which its checkpoint is kept: `file events.ndjson`. */
  readonly name: string
  readonly kind: 'log' | 'queue'
  /**
   * A log whose place is kept by a group outside of the store: under the name of another consumer it goes on
   * where the group is, and does not begin again. See `past`.
   */
  readonly isOfGroup?: boolean
  open(checkpoint: Checkpoint): Promise<void>
  /** The next deliveries; empty when none came in time. In the order in which the source has them. */
  read(request: ReadRequest): Promise<readonly Message[]>
  /** These are safe to forget. In any order; once each. */
  settle(deliveries: readonly Message[]): Promise<void>
  /** Queue sources: hands deliveries back, to come again after the delay. Log sources never get this call. */
  release(deliveries: readonly Message[], delayMs: number): Promise<void>
  /** Whether everything that the source has now was read: a file's end, a log's high watermark. */
  isCaughtUp(): Promise<boolean>
  /**
   * How far the reading has come, of what the source has now; for people. Absent, or `undefined`: it cannot
   * be told.
   */
  extent?(): Promise<SourceExtent | undefined>
  /**
   * Its parts; absent: it has none. While it is open those that this reader has, as it knows them, without
   * asking anybody; a worker tells them to its telemetry. Else all of them as their place tells them, whoever
   * reads: for people who look at it from outside.
   */
  parts?(): Promise<readonly SourcePart[]>
  /**
   * The same messages for whoever reads the past: a source of its own, which takes nothing from who reads
   * this one, and moves no place of theirs. Absent: it is read as a whole, or keeps no past.
   *
   * @throws InturnError `config-invalid` for a window that is none
   */
  past?(window: SourceWindow): Source
  /** Keeps what is settled, and ends. */
  close(): Promise<void>
}
