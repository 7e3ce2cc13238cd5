// What the engine tells about its work: what changed a stream once it is durable, all else as it happens. A
// listener gets plain values; what it throws is ignored, so that watching never disturbs.
import type { InturnError } from '../core/errors.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { RestartSigns } from '../core/stream-state.ts'
import type { Verdict } from '../core/verdict.ts'
import type { DeadLetterReason } from './records.ts'

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
      readonly error: string
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
  | { readonly kind: 'baseline-failed'; readonly stream: StreamPath; readonly error: string }
  /** A dead letter was tried again because an operator said so; `error` where it failed again, and stays. */
  | {
      readonly kind: 'redriven'
      readonly stream: StreamPath
      readonly sequence: Sequence | undefined
      readonly error?: string
    }
  /** A healer is asked for missing numbers. */
  | ({ readonly kind: 'healing' } & HealingNews)
  /** It has answered, or has not in time: how many of the missing numbers came. */
  | ({
      readonly kind: 'healed'
      readonly came: number
      /** What was wrong with an answer, in words. */
      readonly error?: string
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
  | { readonly kind: 'recovered' }

/** Receives {@link EngineNews}. Called at once, so it should be quick. */
export type Telemetry = (news: EngineNews) => void
