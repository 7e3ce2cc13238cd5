// What a user writes about a domain. Every option has a default but the numbering, the effects and the
// handler.
import type { Duration } from '../core/duration.ts'
import type { InturnEvent, TrackedEvent, UnorderedEvent } from '../core/event.ts'
import type { Numbering, Unordered } from '../core/numbering.ts'
import type { GapEnd, ResetAnswer } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StandardSchema } from '../ports/standard-schema.ts'
import type { HealOptions } from './healing/heal-options.ts'

/** What a handler is told beside the event. */
export interface HandlerContext {
  readonly consumer: string
  /**
   * The same for every attempt at the event: `consumer/domain/stream/epoch/sequence`, parts percent-encoded;
   * in an `unordered()` domain with the id for the sequence, or without one the number, or a digest of the
   * data. Hand it to whatever the handler calls, so that a second attempt has no second effect.
   */
  readonly idempotencyKey: string
  /** From 1. */
  readonly attempt: number
  /**
   * Rises with every claim of the stream: a system that keeps the highest one seen can refuse a late writer.
   */
  readonly fence: number
  /** Fires on timeout, lost claim and shutdown. */
  readonly signal: AbortSignal
  /** The event was a dead letter and comes outside the order, because an operator had it tried again. */
  readonly isRedrive: boolean
  /**
   * `rebuild`: the history is read from its beginning by a consumer of its own. `redeliver`: an operator has
   * events handled once more that were handled before; positions stay. Absent: neither.
   */
  readonly replay?: 'rebuild' | 'redeliver'
}

/** The context of a domain with `effects: 'transaction'`. */
export interface TransactionContext<Transaction> extends HandlerContext {
  /** What is written through it commits together with the position, or not at all. */
  readonly transaction: Transaction
}

/** The context of a domain with `effects: 'external'`. */
export interface ExternalContext<Commands> extends HandlerContext {
  /**
   * Records commands that run inside the commit, with a store that does that (Redis). Absent with any other
   * store, and in `unordered()` domains, whose events are committed with no position.
   */
  readonly redis: Commands
}

/** The context of `handleBatch`: one call for many events. */
export interface BatchContext extends Omit<HandlerContext, 'idempotencyKey' | 'attempt' | 'fence'> {
  idempotencyKeyOf(event: InturnEvent): string
}

/** What a handler returns is awaited, and ignored. */
export type HandlerResult = unknown

/**
 * The event that a handler gets: with the output of its domain's `schema` it is a `TrackedEvent`, or in
 * `unordered()` domains an `UnorderedEvent`.
 */
type EventOf<Data, Numbered> = Numbering extends Numbered
  ? InturnEvent<Data>
  : Numbered extends Unordered
    ? UnorderedEvent<Data>
    : unknown extends Data
      ? InturnEvent<Data>
      : TrackedEvent<Data>

/** A method's parameters may be narrower: whoever knows the data better than its domain says so there. */
interface Declaring<Subject, Context> {
  call(subject: Subject, context: Context): HandlerResult
}

/** Without a `schema` a handler declares what its event carries; with one, that is what it carries. */
type Handler<Subject, Context, Data> = unknown extends Data
  ? Declaring<Subject, Context>['call']
  : (subject: Subject, context: Context) => HandlerResult

interface TransactionEffects<Transaction, Data, Numbered> {
  /** Effect and position commit together. Needs a store with transactions: SQLite, Postgres. */
  readonly effects: 'transaction'
  /**
   * `true`: the handlers of a batch are called one after another. Default `false`: those of different streams
   * are called at once where the store's transaction takes that (Postgres), those of one stream in order.
   */
  readonly sequential?: boolean
  /** In a tracked domain the event may be declared as a `TrackedEvent`: there it always has its number. */
  readonly handle?: Handler<EventOf<Data, Numbered>, TransactionContext<Transaction>, Data>
  /**
   * Instead of `handle`: all events of a batch that are in turn, in order within each stream. If it throws,
   * it is called again for each event by itself, to find out which one fails.
   */
  readonly handleBatch?: Handler<
    readonly EventOf<Data, Numbered>[],
    BatchContext & { readonly transaction: Transaction },
    Data
  >
}

interface ExternalEffects<Commands, Data, Numbered> {
  /** The handler acts elsewhere, and may run again after a crash: always with the same idempotency key. */
  readonly effects: 'external'
  readonly handle?: Handler<EventOf<Data, Numbered>, ExternalContext<Commands>, Data>
  /** Instead of `handle`: the events of one stream that are in turn, in order. If it throws, as above. */
  readonly handleBatch?: Handler<
    readonly EventOf<Data, Numbered>[],
    BatchContext & Pick<ExternalContext<Commands>, 'fence' | 'redis'>,
    Data
  >
}

/** When a gap's patience ends, what is done until then, and what happens then. */
export interface GapOptions {
  /** Default 30 s, counted only while the consumer reads its source. */
  readonly patience?: Duration
  /** Whom to ask for what is missing. Default: nobody; gaps close by what arrives. */
  readonly heal?: HealOptions
  /** Default `wait`: the stream waits, and says that it is overdue. */
  readonly then?: GapEnd
}

/**
 * What happens when a handler fails. `unordered()` domains try again at once in the same call, after the
 * waits.
 */
export interface FailureOptions {
  /** Default 5. */
  readonly attempts?: number
  /** The wait after the first failure; it doubles each time, with full jitter. Default 100 ms. */
  readonly backoff?: Duration
  /** The longest wait. Default 30 s. */
  readonly backoffMax?: Duration
  /** After the last attempt. Default `halt`; `unordered()` domains take only `dead-letter`, their default. */
  readonly then?: 'halt' | 'dead-letter'
  /**
   * `false` for an error that no further attempt can mend. Default, and if it throws: every error is worth
   * one.
   */
  readonly retryable?: (error: unknown) => boolean
}

/** Names of fields, dotted where they lie deeper: `order.id`. */
export type FieldNames = Readonly<Partial<Record<NamedField, string>>>

/** What a domain may name the field of. */
export type NamedField = 'stream' | 'sequence' | 'epoch' | 'previous' | 'id' | 'type' | 'time' | 'data'

/** The options of a domain that do not depend on its effects. */
export interface CommonDomainOptions<Data = unknown, Numbered = Numbering> {
  /** Event types that belong here, where events name no domain: `account.opened`, or `account.*`. */
  readonly types?: readonly string[]
  readonly numbering: Numbered
  /**
   * The fields of a message from which its events are read, dotted where they lie deeper:
   * `{ stream: 'order_id', sequence: 'meta.seq' }`. A field that is not named is read by `eventFrom`.
   */
  readonly fields?: FieldNames
  readonly gap?: GapOptions
  readonly failure?: FailureOptions
  /**
   * How long one call of the handler, of `baseline` or of a schema may take, at least 1 ms. Only what returns
   * a promise can be given up on: a handler that blocks the process keeps it. One that was given up on may
   * still run; its writes through a transaction are refused from then on. Default 30 s.
   */
  readonly timeout?: Duration
  /**
   * `false`: the event obeys the rules and moves the position, but its handler is not called. If it throws,
   * the event is refused, as one that its schema refuses. It sees only data that fits.
   */
  readonly filter?: (event: EventOf<NoInfer<Data>, Numbered>) => boolean
  /**
   * Asked for a stream that is unknown when an event above the start comes: the first number that can still
   * be had (a log's retention may have removed what came before), or `undefined` to wait for the start. If it
   * throws, the stream waits too, and it is asked again with the next event. Only for `contiguous()` with a
   * start.
   */
  readonly baseline?: (
    stream: string,
    first: { readonly epoch: Epoch; readonly sequence: Sequence },
  ) => number | undefined | Promise<number | undefined>
  /**
   * The schema of what the domain's events carry (Standard Schema: zod, valibot, arktype, ...). It is asked
   * in an event's turn, and may answer with a promise, for which `timeout` holds. Filter and handler get its
   * output: with defaults, coercions and dates; what is kept is the input. An event that is refused has its
   * number: no handler is called, nothing is tried again by itself, and `failure.then` decides.
   */
  readonly schema?: StandardSchema<unknown, Data>
  /** Instead of `schema`: one for each event type; `*` is that of any other type. */
  readonly schemas?: Readonly<Record<string, StandardSchema>>
  /**
   * `true`: numbers in the JSON of an event are exact in its `data`: a whole number beyond ±(2^53 - 1) is a
   * `bigint`, a decimal with more digits than a JavaScript number has an `ExactNumber`. Default `false`: they
   * are rounded, and the event's `inexact` names them.
   */
  readonly exactNumbers?: boolean
  /**
   * What happens when a producer seems to count again under the same epoch, which shows in event times, or in
   * `producer`. `tell` (default): it is said in `status`, `explain` and telemetry, and no more. `halt`: the
   * stream halts, and what may be new stays with its source until an operator decides. `epoch`: as `halt`,
   * and an event that is the first of a new run for certain opens the next epoch; for `contiguous()` with a
   * start and no modulus, and for `linked()`.
   */
  readonly onReset?: ResetAnswer
  /** The field of a message that names its producer's run, dotted where it lies deeper: `source.boot`. */
  readonly producer?: string
  /** Held events a stream. Default 1,000. */
  readonly heldMax?: number
  /** Held events of the whole domain, approximate by workers x batch. Default 100,000. */
  readonly domainHeldMax?: number
  /** Entries of the inboxes of the whole domain, approximate by workers x batch. Default 1,000,000. */
  readonly handedOverMax?: number
  /** How far ahead of the position a number is believed. Default 1,000,000. */
  readonly spanMax?: number
  /** How far above the open epoch another is believed. Default 1,000,000, or the open epoch if greater. */
  readonly epochSpanMax?: number
  /**
   * How many accepted numbers a stream remembers to tell a conflict from a duplicate; 0 to 255. Default 16.
   */
  readonly conflictMemory?: number
}

/** A store whose `Transaction` is `undefined` has none: its domains take `effects: 'external'` only. */
type Effects<Transaction, Commands, Data, Numbered> =
  | ([Transaction] extends [undefined] ? never : TransactionEffects<Transaction, Data, Numbered>)
  | ExternalEffects<Commands, Data, Numbered>

/** What a user writes about a domain. */
export type DomainOptions<
  Transaction = unknown,
  Commands = unknown,
  Data = unknown,
  Numbered = Numbering,
> = CommonDomainOptions<Data, Numbered> & Effects<Transaction, Commands, Data, Numbered>

/** Domains by name, each typed by its own `schema` and `numbering`. */
export type TypedDomains<Transaction, Commands, Data, Numbered> = {
  readonly [Name in keyof Data]: DomainOptions<
    Transaction,
    Commands,
    Data[Name],
    Name extends keyof Numbered ? Numbered[Name] : Numbering
  >
} & { readonly [Name in keyof Numbered]: { readonly numbering: Numbered[Name] } }
