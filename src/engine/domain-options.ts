// What a user writes about a domain. Every option has a default but the numbering, the effects and the
// handler.
import type { Duration } from '../core/duration.ts'
import type { InturnEvent } from '../core/event.ts'
import type { Numbering } from '../core/numbering.ts'
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

interface TransactionEffects<Transaction> {
  /** Effect and position commit together. Needs a store with transactions: SQLite, Postgres. */
  readonly effects: 'transaction'
  /** In a tracked domain the event may be declared as a `TrackedEvent`: there it always has its number. */
  handle?(event: InturnEvent, context: TransactionContext<Transaction>): HandlerResult
  /**
   * Instead of `handle`: all events of a batch that are in turn, in order within each stream. If it throws,
   * it is called again for each event by itself, to find out which one fails.
   */
  handleBatch?(
    events: readonly InturnEvent[],
    context: BatchContext & { readonly transaction: Transaction },
  ): HandlerResult
}

interface ExternalEffects<Commands> {
  /** The handler acts elsewhere, and may run again after a crash: always with the same idempotency key. */
  readonly effects: 'external'
  handle?(event: InturnEvent, context: ExternalContext<Commands>): HandlerResult
  /** Instead of `handle`: the events of one stream that are in turn, in order. If it throws, as above. */
  handleBatch?(
    events: readonly InturnEvent[],
    context: BatchContext & Pick<ExternalContext<Commands>, 'fence' | 'redis'>,
  ): HandlerResult
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

/** The options of a domain that do not depend on its effects. */
export interface CommonDomainOptions {
  /** Event types that belong here, where events name no domain: `account.opened`, or `account.*`. */
  readonly types?: readonly string[]
  readonly numbering: Numbering
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
  readonly filter?: (event: InturnEvent) => boolean
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
   * Checks of the payload by event type (Standard Schema: zod, valibot, arktype, ...); `*` is any other type.
   * They are asked in the event's turn, and may answer with a promise, for which `timeout` holds. An event
   * that is refused has its number: no handler is called, nothing is tried again by itself, and
   * `failure.then` decides.
   */
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

/** What a user writes about a domain. */
export type DomainOptions<Transaction = unknown, Commands = unknown> = CommonDomainOptions &
  (TransactionEffects<Transaction> | ExternalEffects<Commands>)
