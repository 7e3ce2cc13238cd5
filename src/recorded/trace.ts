// Replays a recorded arrival order through the rules and says every decision as a line of NDJSON, in order.
// What is kept grows with streams and held events only. Upholds I3 before the user's eyes: each input line
// gets a verdict.
import type { Duration } from '../core/duration.ts'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import { contiguous, increasing, linked } from '../core/numbering.ts'
import type { TrackedNumbering } from '../core/numbering.ts'
import { defaultStreamLimits } from '../core/rules.ts'
import type { GapEnd, StreamRules } from '../core/rules.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { EmptyInput, RecordedLog } from './byte-input.ts'
import { readRecordedEvents } from './read-recorded-events.ts'
import type { FieldOptions, RecordedFields, RecordedFormat } from './recorded-fields.ts'
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

/** The rules that decide, short of what is as usual; as the options of a domain. */
export interface TraceRuleOptions extends Pick<FieldOptions, 'id' | 'numbering' | 'modulus' | 'wrapsTo'> {
  /** Contiguous numbering: the first number of a stream; default 1. */
  readonly start?: number | 'first-seen'
  /** How long a gap may stay open; default 30 s. */
  readonly patience?: Duration
  /** What happens to a gap when its patience is over; default `wait`. */
  readonly then?: GapEnd
  /** Held events a stream, at most; default 1000. */
  readonly heldMax?: number
  /**
   * How far ahead of the position a number may lie; default 1,000,000, and with increasing and linked numbers
   * as far as they are believed by themselves.
   */
  readonly spanMax?: number
  /** How far above the open epoch another may lie; default 1,000,000, or the open epoch if greater. */
  readonly epochSpanMax?: number
}

/**
 * The rules with their defaults. Other options may stand beside them.
 *
 * @throws InturnError `config-invalid`, or `usage` for a start where numbers are not contiguous
 */
export function traceRules(options: TraceRuleOptions): StreamRules {
  const { patienceMs, gapEnd, heldMax, spanMax, conflictMemory } = defaultStreamLimits
  const { epochSpanMax } = options
  const numbering = numberingOf(options)
  return {
    numbering,
    heldMax: wholeNumber(options.heldMax ?? heldMax, { name: 'heldMax', least: 0 }),
    spanMax: wholeNumber(options.spanMax ?? spanMax, { name: 'spanMax', least: 1 }),
    epochSpanMax:
      epochSpanMax === undefined ? undefined : wholeNumber(epochSpanMax, { name: 'epochSpanMax', least: 1 }),
    // Contiguous copies can only differ by their id: without one there is nothing to remember.
    conflictMemory: numbering.kind === 'contiguous' && options.id === undefined ? 0 : conflictMemory,
    patienceMs: durationMs(options.patience ?? patienceMs, 'patience'),
    gapEnd: options.then ?? gapEnd,
    onReset: 'tell',
    heal: undefined,
  }
}

function numberingOf(options: TraceRuleOptions): TrackedNumbering {
  const { numbering = 'contiguous', start, modulus, wrapsTo, spanMax } = options
  if (numbering === 'contiguous') {
    const counter = { ...(modulus !== undefined && { modulus }), ...(wrapsTo !== undefined && { wrapsTo }) }
    return contiguous({ start: start ?? 1, ...counter })
  }
  if (start !== undefined) throw new InturnError('usage', '--start goes with --numbering contiguous only')
  const span = spanMax === undefined ? {} : { spanMax }
  return numbering === 'linked' ? linked(span) : increasing(span)
}

/** The text is handed over in pieces of about this many characters. */
const pieceLength = 65_536

/**
 * The decisions about a recorded log, in order, as text of whole NDJSON lines.
 *
 * @param log - a file, or `-` for standard input
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense
 */
export async function* trace(log: RecordedLog, options: TraceOptions): AsyncGenerator<string, void, void> {
  const text = new TraceText(options.rules.numbering)
  const replay = new Replay(options.rules, text)
  for await (const lines of readRecordedEvents(log, options.fields, options)) {
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
