// Replays a recorded arrival order through the rules and says every decision as a line of NDJSON, in order.
// What is kept grows with streams and held events only. Upholds I3 before the user's eyes: each input line
// gets a verdict.
import type { StreamRules } from '../core/rules.ts'
import type { EmptyInput } from './byte-input.ts'
import { readRecordedEvents } from './read-recorded-events.ts'
import type { RecordedFields, RecordedFormat } from './recorded-fields.ts'
import type { RecordedLine } from './recorded-line.ts'
import { TraceClock } from './trace-clock.ts'
import { DueQueue } from './trace-due-queue.ts'
import { TracedStream } from './trace-stream.ts'
import { TraceText } from './trace-text.ts'

/** What is replayed, and under which rules. */
export interface TraceOptions extends EmptyInput {
  readonly fields: RecordedFields & { readonly format?: RecordedFormat }
  readonly rules: StreamRules
}

/** The text is handed over in pieces of about this many characters. */
const pieceLength = 65_536

/**
 * The decisions about a recorded log, in order, as text of whole NDJSON lines.
 *
 * @param path - a file, or `-` for standard input
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense
 */
export async function* trace(path: string, options: TraceOptions): AsyncGenerator<string, void, void> {
  const text = new TraceText(options.rules.numbering)
  const replay = new Replay(options.rules, text)
  for await (const lines of readRecordedEvents(path, options.fields, options)) {
    for (const line of lines) {
      replay.arrive(line)
      if (text.length > pieceLength) yield text.take()
    }
  }
  for (const stream of replay.streams()) {
    stream.sayOpenGaps(replay.clock)
    if (text.length > pieceLength) yield text.take()
  }
  yield text.take()
}

/** All streams of a log, and the clock that its arrivals move. */
class Replay {
  readonly clock: TraceClock = new TraceClock()
  readonly #rules: StreamRules
  readonly #text: TraceText
  readonly #streams = new Map<string, TracedStream>()
  readonly #due = new DueQueue<TracedStream>()

  constructor(rules: StreamRules, text: TraceText) {
    this.#rules = rules
    this.#text = text
  }

  /** Every stream, first seen first. */
  streams(): Iterable<TracedStream> {
    return this.#streams.values()
  }

  /** Moves the clock, fires what is due by it, and then decides the line. */
  arrive(line: RecordedLine): void {
    this.clock.moveTo(line.arrival)
    this.#endDueGaps()
    if (line.kind === 'invalid') {
      this.#text.unreadable(line)
      return
    }
    const stream = this.#streamOf(line.stream)
    stream.decide(line, this.clock)
    this.#due.update(stream)
  }

  #endDueGaps(): void {
    if (this.clock.now === undefined) return
    for (let next = this.#due.first; next !== undefined; next = this.#due.first) {
      const { dueMs } = next
      if (dueMs === undefined || dueMs > this.clock.readingMs) return
      next.endHeadGap(this.clock, dueMs)
      this.#due.update(next)
    }
  }

  #streamOf(key: string): TracedStream {
    let stream = this.#streams.get(key)
    if (stream === undefined) {
      stream = new TracedStream({ key, order: this.#streams.size, rules: this.#rules, text: this.#text })
      this.#streams.set(key, stream)
    }
    return stream
  }
}
