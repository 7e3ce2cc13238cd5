// What the engine tells about its work: what changed a stream once it is durable, all else as it happens. A
// listener gets plain values; what it throws is ignored, so that watching never disturbs.
import type { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { RestartSigns, StreamState } from '../core/stream-state.ts'
import type { Verdict } from '../core/verdict.ts'
import type { DeadLetterReason, LedgerEntry } from './records.ts'
import type { RelayListener } from './relay-news.ts'
import type { Source, SourcePart } from './source.ts'
import type { StoreReader } from './store-reader.ts'

/** Which attempt to heal which gap. */
interface HealingNews {
  readonly stream: StreamPath
  readonly epoch: Epoch
  /** `null` where the beginning of the range is unknown (linked numbering). */
  readonly from: Sequence | null
  readonly to: Sequence
  /** From 1. */
  readonly attempt: number
}

/** Something that happened in an engine. */
export type EngineNews =
  | {
      readonly kind: 'batch'
      readonly events: number
      readonly verdicts: Readonly<Partial<Record<Verdict | 'handed-over', number>>>
    }
  | {
      readonly kind: 'failed'
      readonly stream: StreamPath
      readonly sequence: Sequence | undefined
      /** How often its handler was called. */
      readonly attempts: number
      /** What the event carries was refused: its handler was not called, and is not by itself. */
      readonly reason?: 'schema'
      readonly error: Error
      /** What comes next: another attempt, a halt, or a dead letter. */
      readonly then: 'retry' | 'halt' | 'dead-letter'
    }
  | {
      readonly kind: 'lost'
      readonly stream: StreamPath
      readonly epoch: Epoch
      /** `null` where the beginning of the range is unknown (linked numbering). */
      readonly from: Sequence | null
      readonly to: Sequence
    }
  /**
   * An event came with a number that no JavaScript number holds, for a domain without `exactNumbers`: its
   * handler gets it rounded. Told of a domain's first one; each event has its own in `inexact`.
   */
  | {
      readonly kind: 'inexact'
      readonly domain: string
      readonly stream: StreamPath
      readonly sequence?: Sequence
      /** Where in the event: `data.total`. */
      readonly place: string
    }
  /** The first event of a domain has come: from which of its fields stream and number are read. */
  | {
      readonly kind: 'reads'
      readonly domain: string
      /** A name, dotted where it lies deeper; `eventFrom` for a mapping of one's own. */
      readonly stream: string
      readonly sequence: string
    }
  /** A gap outlasted its patience, or a producer may count again; a halt by failure is told as `failed`. */
  | { readonly kind: 'halted'; readonly stream: StreamPath; readonly reason: string }
  /** The producer may count again: an event bears a number that is used, and is no copy. Told once. */
  | {
      readonly kind: 'producer-restarted'
      readonly stream: StreamPath
      readonly epoch: Epoch
      readonly sequence: Sequence
      readonly evidence: RestartSigns['evidence']
    }
  /** It is certain, and a new epoch begins: `onReset: 'epoch'`. */
  | { readonly kind: 'epoch-opened'; readonly stream: StreamPath; readonly epoch: Epoch }
  /** An event was taken out of its stream, or never got into one. */
  | {
      readonly kind: 'dead-letter'
      readonly reason: DeadLetterReason
      readonly detail: string
      readonly stream?: StreamPath
      readonly sequence?: Sequence
    }
  /** A domain's `baseline` threw, took too long, or gave no number: the stream waits for its start. */
  | { readonly kind: 'baseline-failed'; readonly stream: StreamPath; readonly error: Error }
  /** A dead letter was tried again because an operator said so; `error` where it failed again, and stays. */
  | {
      readonly kind: 'redriven'
      readonly stream: StreamPath
      readonly sequence: Sequence | undefined
      readonly error?: Error
    }
  /** A healer is asked for missing numbers. */
  | ({ readonly kind: 'healing' } & HealingNews)
  /** It has answered, or has not in time: how many of the missing numbers came. */
  | ({
      readonly kind: 'healed'
      readonly came: number
      readonly tookMs: number
      /** What was searched, where the healer looks through a part of what there is. */
      readonly searched?: string
      /** What was wrong with an answer. */
      readonly error?: Error
    } & HealingNews)
  | { readonly kind: 'claim-lost'; readonly stream: StreamPath }
  /** Workers of the consumer fell silent and did not leave: handlers are called in quarantine for a while. */
  | { readonly kind: 'workers-died'; readonly workers: readonly string[] }
  | { readonly kind: 'store-failed'; readonly error: InturnError; readonly retryInMs: number }
  | { readonly kind: 'source-failed'; readonly error: InturnError; readonly retryInMs: number }
  /**
   * Dead letters or ledger are full, and nothing is processed until there is room; or inboxes are, and
   * nothing more is read. Told without error then.
   */
  | { readonly kind: 'records-full'; readonly error?: InturnError }
  /** Store and source work again: for some seconds nothing has failed. */
  | { readonly kind: 'recovered' }
  /**
   * What this worker has of a source with parts, as partitions, and how far behind it is: told when it is
   * given others, when one stands still or goes on, and every ten seconds.
   */
  | { readonly kind: 'source-parts'; readonly parts: readonly SourcePart[] }

/** Receives {@link EngineNews}. Called at once, so it should be quick. */
export type Telemetry = (news: EngineNews) => void
/** A call of a handler, as it begins. */
export interface HandlerCall {
  readonly consumer: string
  readonly domain: string
  readonly stream: StreamPath
  /** One, or several for `handleBatch`. */
  readonly events: readonly InturnEvent[]
  /** From 1. */
  readonly attempt: number
  /** A dead letter is tried again, or history is handled once more. */
  readonly isRedrive: boolean
  readonly replay: 'rebuild' | 'redeliver' | undefined
}

/** Calls of handlers in one transaction, as they begin. */
export interface HandlerBatch {
  /** Whose handlers are called. */
  readonly domains: readonly string[]
  /** For how many events; filters may leave some out. */
  readonly countMax: number
  /** For which; they are put together only for who asks. */
  readonly events: () => readonly InturnEvent[]
}

/** Watches one call of a handler, or a batch of them. */
export interface CallWatch {
  /** Runs the handler, for example where its trace is the active one. */
  readonly within?: <Result>(run: () => Result) => Result
  /** It has ended; with what it failed with, where it failed. */
  end(failed?: { readonly error: unknown }): void
}

/** What a turn of a stream came to that is durable now. */
export interface DurableTurn {
  readonly domain: string
  readonly stream: StreamPath
  readonly before: StreamState
  readonly after: StreamState
  readonly ledger: readonly LedgerEntry[]
}

/** A call of the store by its engine. */
export interface StoreCall {
  /** As the store's port names it; `unit.` inside a unit of work: `unit.commit`. */
  readonly method: string
  readonly tookMs: number
}

/** Who is told what one engine does. Whatever it throws is ignored. */
export interface Listener {
  /** Awaited before the engine opens its store; what it rejects with ends the engine. */
  readonly open?: () => Promise<void>
  readonly tell?: Telemetry
  /** A handler is about to be called. Nothing is called where an event is held. */
  readonly begin?: (call: HandlerCall) => CallWatch | undefined
  /** Whether `begin` is to be called, asked before each call of a handler. Absent: always. */
  readonly isWatching?: () => boolean
  /**
   * Handlers are about to be called in one transaction; each call begins by itself besides. Not where they
   * are called again because some of them have failed.
   */
  readonly beginBatch?: (batch: HandlerBatch) => CallWatch | undefined
  /** A handler's call has ended, with what it failed with where it failed. Cheaper than `begin`. */
  readonly handled?: (domain: string, tookMs: number, failed: { readonly error: unknown } | undefined) => void
  readonly turned?: (turn: DurableTurn) => void
  readonly called?: (call: StoreCall) => void
  /** The engine has ended. */
  readonly ended?: () => void
}

/** What a domain whose streams are tracked has decided. */
export interface WatchedDomain {
  readonly rules: StreamRules
  readonly failure: { readonly attempts: number; readonly then: 'halt' | 'dead-letter' }
  readonly handedOverMax: number
}

/** An engine, as a listener gets to know it. */
export interface WatchedEngine {
  readonly consumer: string
  readonly worker: string
  readonly reader: StoreReader
  /** Absent: it is handed its events. */
  readonly source: Pick<Source, 'name' | 'extent'> | undefined
  /** Those whose streams are tracked. */
  readonly domains: ReadonlyMap<string, WatchedDomain>
}

/** Makes a listener for each engine that it is given to. */
export interface TelemetryProvider {
  attach(engine: WatchedEngine): Listener
  /** Makes a listener for the relay of this name. */
  readonly attachRelay?: (relay: string) => RelayListener
}
