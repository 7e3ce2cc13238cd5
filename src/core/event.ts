// What inturn calls an event, once intake has read it: where it belongs, its number, and what it carries.
import type { Epoch, Sequence } from './sequence.ts'

/** One message of one stream. */
export interface InturnEvent<Data = unknown> {
  readonly domain: string
  readonly stream: string
  /** 0 where the producer names none. */
  readonly epoch: Epoch
  /** What the producer wrote, where it has counted again under one epoch: see `onReset`. */
  readonly wireEpoch?: Epoch
  /** Unwrapped where the domain has a modulus; absent only in `unordered()` domains. */
  readonly sequence?: Sequence
  /** The number on the wire, where the domain has a modulus. */
  readonly wireSequence?: number
  /** Linked numbering: the predecessor's number; `null` starts the stream. */
  readonly previous?: Sequence | null
  readonly id?: string
  readonly type?: string
  /** When it happened, as the producer wrote it. */
  readonly time?: string
  /** Who wrote it, where its domain names the field. */
  readonly producer?: string
  /** Where its producer's trace stands: W3C Trace Context, as CloudEvents' extension has it. */
  readonly traceparent?: string
  readonly tracestate?: string
  readonly data: Data
  /**
   * Where `data` has a number that no JavaScript number holds: the first ten places, like `data.total`. In
   * what a handler gets it is rounded then; with `exactNumbers` this is absent.
   */
  readonly inexact?: readonly string[]
  /**
   * Why what it carries could not be read; `data` is the message as it came then. No handler gets such an
   * event.
   */
  readonly problem?: string | undefined
}

/** Keeps the types of events apart; no event has it. */
declare const isTracked: unique symbol

/** An event of a domain whose streams are tracked: it always has its number. */
export interface TrackedEvent<Data = unknown> extends InturnEvent<Data> {
  readonly sequence: Sequence
  readonly [isTracked]?: true
}

/** An event of an `unordered()` domain: it may have no number, and cannot be taken for one that has. */
export interface UnorderedEvent<Data = unknown> extends InturnEvent<Data> {
  readonly [isTracked]?: never
}

/** A producer's statement that numbers were burned and will never come. */
export interface FillEvent {
  readonly domain: string
  readonly stream: string
  readonly epoch: Epoch
  readonly fill: { readonly from: number; readonly to: number; readonly reason: string }
  readonly time?: string
  readonly producer?: string
}
