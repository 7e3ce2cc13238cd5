// What an event log answers when it refuses: errors that carry what a program needs to go on, beside their
// code. Upholds I3: a log never writes half of what it was given, and never reads less than it was asked for.
import { InturnError } from './errors.ts'

/** What an appender knows of the stream: its last number, that it has none, or nothing in particular. */
export type Expected = number | 'none' | 'any'

/** A stream of an event log. */
export interface LogStream {
  readonly domain: string
  readonly stream: string
}

/** `append-conflict`: the stream is not where the appender expected it. Nothing was appended. */
export class AppendConflict extends InturnError {
  readonly stream: LogStream
  readonly expected: Expected
  /** The last number of the stream; 0 where it has none. */
  readonly actual: number

  constructor(stream: LogStream, expected: Expected, actual: number) {
    const name = `${stream.domain}/${stream.stream}`
    super('append-conflict', `${name} is at ${actual}, not at ${expected}: read what is new and decide again`)
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}

/** `below-retention`: what was asked for is no longer in the log. */
export class BelowRetention extends InturnError {
  /** The first number (of a stream) or place (of the log) that is still there. */
  readonly first: number

  /**
   * @param what - a stream's name, or the log's
   * @param asked - the first number or place that was asked for and is gone
   */
  constructor(what: string, { asked, first }: { readonly asked: number; readonly first: number }) {
    super('below-retention', `${what} begins at ${first} now: ${asked} was removed by retention`)
    this.first = first
  }
}
