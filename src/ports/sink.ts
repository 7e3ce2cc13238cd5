// The sink port: where a relay sends events to. A sink keeps what it was given before it says so, and keeps
// the order within a stream. Its whole contract stands here, and the sink suite in `testing` proves it.

/** An event on its way out. */
export interface SinkMessage {
  readonly domain: string
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly type: string
  /** What keeps a stream together where a sink has partitions: the stream's key. */
  readonly partitionKey: string
  /** The message itself: a JSON object in one line. inturn's default `eventFrom` reads the event from it. */
  readonly json: string
  /** The media type of `json`, where a sink says such things: `application/cloudevents+json`. */
  readonly contentType?: string
  /**
   * It is a dead letter, and `json` says all of it: what was kept as it is, and what is said beside it
   * where a sink has headers.
   */
  readonly letter?: { readonly bytes: Uint8Array; readonly headers: Readonly<Record<string, string>> }
}

/** How to send. */
export interface SendOptions {
  /** Fires when nobody waits for the send any more: it should end soon, and then rejects. */
  readonly signal: AbortSignal
}

/**
 * A sink.
 *
 * *Order*: the messages of one stream arrive in the order of the list, and behind those of every send that
 * had resolved before. Several sends may be under way at once, of different streams.
 *
 * *Failure*: every method rejects with an InturnError, `sink-unavailable` (retryable) where waiting may mend
 * it. When a send has rejected, any beginning of each stream's messages may have arrived, never a message
 * without those of its stream that stood before it in the list. The caller sends the same list again, so what
 * had arrived arrives twice. A later send works as soon as the place can be reached again.
 */
export interface Sink {
  /** For people: `file events.ndjson`. */
  readonly name: string
  /** Reaches the place, and mends what a crash has left there half written. May follow a `close`. */
  open(): Promise<void>
  /** Resolves when every message is as durable as the place makes it. An empty list resolves at once. */
  send(messages: readonly SinkMessage[], options: SendOptions): Promise<void>
  /** Ends, once the sends under way have. What is sent while it is not open rejects. */
  close(): Promise<void>
}
