// Which numbers of a range were handled before, by the ledger: those that came to any other account had no
// effect, and have none when the range is handled once more. Upholds I3.
import type { Epoch, Sequence } from '../core/sequence.ts'
import { after, width } from '../core/sequence.ts'
import type { Span } from '../core/spans.ts'
import { addSpan, includes, removeSpan } from '../core/spans.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { LedgerEntry } from '../ports/records.ts'
import type { Store } from '../ports/store.ts'

/** A range of one stream. */
export interface NumberRange extends Span {
  readonly stream: StreamPath
  readonly epoch: Epoch
}

const pageMax = 500
/** Missing ranges that are named; all are counted. */
const namedMax = 100

/** The numbers of a range that no handler has seen, though the position has passed them. */
export async function unhandledIn(
  { store, consumer }: { readonly store: Store; readonly consumer: string },
  range: NumberRange,
): Promise<readonly Span[]> {
  let spans: readonly Span[] = []
  let cursor: string | undefined
  for (;;) {
    const place = cursor === undefined ? {} : { after: cursor }
    const page = await store.reader.ledger(consumer, { stream: range.stream, limit: pageMax, ...place })
    for (const entry of page) spans = withEntry(spans, entry, range)
    if (page.length < pageMax) return spans
    cursor = page.at(-1)?.cursor
  }
}

/** What a history had of a range, and what is missing in it. */
export class RangeCover {
  readonly #range: NumberRange
  readonly #unhandled: readonly Span[]
  readonly #named: Span[] = []
  #missing = 0
  #next: Sequence

  constructor(range: NumberRange, unhandled: readonly Span[]) {
    this.#range = range
    this.#unhandled = unhandled
    this.#next = range.from
  }

  /** Where to go on. */
  get next(): Sequence {
    return this.#next
  }

  /** Numbers that were handled before, and that the history does not have. */
  get missing(): { readonly count: number; readonly ranges: readonly Span[] } {
    return { count: this.#missing, ranges: this.#named }
  }

  /** Whether a handler has seen the number before. */
  isHandled(sequence: Sequence): boolean {
    return !includes(this.#unhandled, sequence)
  }

  /** Takes in that the history has a number; ascending. */
  have(sequence: Sequence): void {
    this.#lack({ from: this.#next, to: sequence })
    this.#next = after(sequence)
  }

  /** Takes in that the history has nothing more. */
  end(): void {
    this.#lack({ from: this.#next, to: after(this.#range.to) })
    this.#next = after(this.#range.to)
  }

  /** The numbers from `from` to before `to` are not there: missing, unless they were never handled. */
  #lack({ from, to }: Span): void {
    if (from >= to) return
    let open = addSpan([], { from, to })
    open = removeSpan(open, { from: to, to })
    for (const span of this.#unhandled) open = removeSpan(open, span)
    for (const span of open) {
      this.#missing += width(span.from, span.to)
      if (this.#named.length < namedMax) this.#named.push(span)
    }
  }
}

/** Accounts whose numbers no handler has seen. */
const withoutEffect: ReadonlySet<LedgerEntry['kind']> = new Set([
  'lost',
  'filled',
  'removed',
  'late',
] as const)

function withEntry(spans: readonly Span[], entry: LedgerEntry, range: NumberRange): readonly Span[] {
  const { kind, epoch = 0, from, to = from } = entry
  if (to === undefined || epoch !== range.epoch) return spans
  const span = { from: from ?? range.from, to }
  if (withoutEffect.has(kind)) return addSpan([...spans], span)
  // A dead letter that was tried again with success has had its effect; what was sought back has its account
  // anew.
  return kind === 'redriven' || kind === 'recalled' ? removeSpan(spans, span) : spans
}
