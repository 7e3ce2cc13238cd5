// The text of a replay: each decision as one line of NDJSON. Numbers stand exactly, whatever their size; with
// a modulus they stand as on the wire, and unwrapped beside it.
import type { Counter } from '../core/counter.ts'
import { counterOf, onWire } from '../core/counter.ts'
import type { TrackedNumbering } from '../core/numbering.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { FillContent, InvalidContent } from './recorded-line.ts'

/** What is said about one event. */
export interface EventSaying {
  /** The input line that the event came from. */
  readonly line: number
  /** The stream's key as JSON. */
  readonly key: string
  readonly epoch: Epoch
  readonly sequence: Sequence
  readonly verdict: string
  readonly reason?: string | undefined
  /** The number is as on the wire: it could not be unwrapped. */
  readonly isWire?: boolean
}

/** What is said about a range of missing numbers. */
export interface RangeSaying {
  readonly verdict: 'lost' | 'halted' | 'open' | 'overdue'
  readonly key: string
  readonly epoch: Epoch
  /** `null` where the beginning of the chain is unknown. */
  readonly from: Sequence | null
  readonly to: Sequence
  /** When it was due, in milliseconds; `null`: no time is known. */
  readonly at?: number | null
  /** Held events behind it. */
  readonly held?: number
}

/** Text that gathers until it is taken. */
export class TraceText {
  readonly #counter: Counter | undefined
  #text = ''

  constructor(numbering: TrackedNumbering) {
    this.#counter = counterOf(numbering)
  }

  get length(): number {
    return this.#text.length
  }

  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  event({ line, key, epoch, sequence, verdict, reason, isWire = false }: EventSaying): void {
    const wire = isWire ? sequence : this.#wire(sequence)
    const unwrapped = this.#counter === undefined || isWire ? '' : `,"unwrapped":${sequence}`
    this.#text +=
      `{"line":${line},"stream":${key},"epoch":${epoch},"sequence":${wire}${unwrapped},` +
      `"verdict":"${verdict}"${reasonText(reason)}}\n`
  }

  fill(
    key: string,
    fill: FillContent & { readonly line: number },
    said: { verdict: string; reason?: string },
  ): void {
    const { epoch, from, to, line } = fill
    this.#text +=
      `{"verdict":"${said.verdict}","fill":true,"stream":${key}${epochText(epoch)},` +
      `"from":${from},"to":${to},"line":${line}${reasonText(said.reason)}}\n`
  }

  range({ verdict, key, epoch, from, to, at, held }: RangeSaying): void {
    const wireFrom = from === null ? null : this.#wire(from)
    const place = verdict === 'lost' ? `,"epoch":${epoch}` : epochText(epoch)
    const unwrapped = this.#counter === undefined ? '' : `,"unwrapped":{"from":${from},"to":${to}}`
    const due = at === undefined ? '' : `,"at":${at}`
    const behind = held === undefined ? '' : `,"held":${held}`
    this.#text +=
      `{"verdict":"${verdict}","stream":${key}${place},` +
      `"from":${wireFrom},"to":${this.#wire(to)}${unwrapped}${due}${behind}}\n`
  }

  /** A line that is no event and no fill. */
  unreadable({ line, reason }: InvalidContent & { readonly line: number }): void {
    this.#text += `{"line":${line},"verdict":"invalid","reason":"${reason}"}\n`
  }

  #wire(sequence: Sequence): Sequence {
    return onWire(this.#counter, sequence)
  }
}

function epochText(epoch: Epoch): string {
  return epoch === 0 ? '' : `,"epoch":${epoch}`
}

function reasonText(reason: string | undefined): string {
  return reason === undefined ? '' : `,"reason":"${reason}"`
}
