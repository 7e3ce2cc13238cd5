// The balance of one stream: what its state, its records and the store's own count say must add up. Upholds
// I3: a number without an account, or with two, shows here. Pure.
import { heldSpanAt } from '../../core/held-spans.ts'
import { endedEpochsMax } from '../../core/rules.ts'
import type { StreamRules } from '../../core/rules.ts'
import type { Sequence } from '../../core/sequence.ts'
import { comparePositions, width } from '../../core/sequence.ts'
import type { Span } from '../../core/spans.ts'
import type { HeldSpan, StreamState } from '../../core/stream-state.ts'
import type { StoredStream } from '../../ports/store-reader.ts'
import type { BalanceCheck, Imbalance } from './imbalance.ts'
import type { HeldPlace, StreamEvidence } from './stream-evidence.ts'

/** What does not add up in a stream. */
export function checkStream(
  stored: StoredStream,
  rules: StreamRules,
  evidence: StreamEvidence,
): readonly Imbalance[] {
  const books = new Books(stored)
  const { state } = stored
  const { counts } = state
  const isContiguous = rules.numbering.kind === 'contiguous'
  books.compare(
    'deliveries',
    [counts.delivered, stored.deliveries],
    'accounts delivered, and the count of deliveries',
  )
  if (isContiguous) checkAccounts(books, state)
  checkHeld(books, state, evidence.held)
  checkRanges(books, state, isContiguous)
  if (isContiguous) checkLedger(books, state, evidence)
  return books.imbalances
}

/** Gathers what does not add up in one stream. */
class Books {
  readonly imbalances: Imbalance[] = []
  readonly #stream: string

  constructor({ stream }: StoredStream) {
    this.#stream = stream
  }

  compare(check: BalanceCheck, [expected, found]: readonly [number, number], detail: string): void {
    if (expected !== found) this.add(check, [String(expected), String(found)], detail)
  }

  add(check: BalanceCheck, [expected, found]: readonly [string, string], detail: string): void {
    this.imbalances.push({ check, stream: this.#stream, expected, found, detail })
  }
}

function checkAccounts(books: Books, state: StreamState): void {
  const { position, baseline, endedNumbers, counts } = state
  const current =
    position === undefined || baseline === undefined ? 0 : Math.max(0, width(baseline, position))
  const { recalled, ...came } = counts
  const accounts = Object.values<number>(came).reduce((sum, count) => sum + count, -recalled)
  books.compare(
    'accounts',
    [endedNumbers + current, accounts],
    'numbers up to the position, and the accounts they came to',
  )
}

function checkHeld(books: Books, state: StreamState, held: readonly HeldPlace[]): void {
  const events = state.held.reduce((sum, { kind, count }) => (kind === 'events' ? sum + count : sum), 0)
  const fills = state.held.filter(({ kind }) => kind === 'fill').length
  books.compare('held-count', [state.heldCount - fills, events], 'held events, and those in the held ranges')
  books.compare('held-count', [events, held.length], 'held events by the state, and those that are kept')
  const wrong = held.filter((place) => !isInPlace(state, place))
  const [first] = wrong
  if (first !== undefined) {
    const more = wrong.length === 1 ? '' : ` and ${wrong.length - 1} more`
    const stands =
      state.position === undefined ? 'no position' : `position ${placeText(state.epoch, state.position)}`
    books.add(
      'held-place',
      [
        `held events above the position, inside the held ranges (${stands})`,
        `${placeText(first.epoch, first.sequence)}${more}`,
      ],
      'each held event, and where the state expects one',
    )
  }
}

function isInPlace({ held, position, epoch }: StreamState, place: HeldPlace): boolean {
  if (position !== undefined && comparePositions(place, { epoch, sequence: position }) <= 0) return false
  return heldSpanAt(held, place.epoch, place.sequence)?.kind === 'events'
}

function checkRanges(books: Books, state: StreamState, isContiguous: boolean): void {
  state.held.forEach((span, index) => {
    const before = state.held[index - 1]
    if (isBehind(before, span) && (!isContiguous || isFull(span))) return
    const range = `${span.after === null ? 'the beginning' : `above ${span.after}`} to ${span.to}`
    books.add(
      'held-ranges',
      ['ranges in order, none overlapping, with as many events as numbers', `${span.count} held, ${range}`],
      'the held ranges of the state',
    )
  })
}

function isBehind(before: HeldSpan | undefined, span: HeldSpan): boolean {
  if (span.after !== null && span.after >= span.to) return false
  if (before === undefined || before.epoch < span.epoch) return true
  return before.epoch === span.epoch && span.after !== null && before.to <= span.after
}

function isFull({ kind, after, to, count }: HeldSpan): boolean {
  if (kind === 'fill') return count === 1
  return after !== null && count === width(after, to) - 1
}

function checkLedger(books: Books, state: StreamState, evidence: StreamEvidence): void {
  const { ledger, letters, missingLetters } = evidence
  const { counts } = state
  books.compare(
    'ledger',
    [counts.lost, ledger.lost - ledger.late],
    'accounts lost, and the ledger (lost, not late since)',
  )
  books.compare('ledger', [counts.late, ledger.late], 'accounts late, and the ledger')
  books.compare('ledger', [counts.filled, ledger.filled], 'accounts filled, and the ledger')
  books.compare('ledger', [counts.removed, ledger.removed], 'accounts removed, and the ledger')
  books.compare('ledger', [counts.recalled, ledger.recalled], 'accounts recalled, and the ledger')
  books.compare('ledger', [counts.imported, ledger.imported], 'accounts imported, and the ledger')
  checkLost(books, state)
  if (letters.removed > ledger.removed) {
    books.add(
      'dead-letters',
      [`at most ${ledger.removed}`, String(letters.removed)],
      'numbers removed by the ledger, and dead letters of events taken out',
    )
  }
  books.compare(
    'dead-letters',
    [0, missingLetters],
    'events taken out or late by the ledger, of which no dead letter is kept, and nothing says why',
  )
}

/**
 * Lost ranges may cover more than is lost once there were too many of them, and never less, for as long as no
 * ended epoch was forgotten, beyond what was recalled.
 */
function checkLost(books: Books, { lost, ended, counts, position, filled }: StreamState): void {
  const ranges = [...lost, ...ended.flatMap((epoch) => epoch.lost)]
  const covered = ranges.reduce((sum, { from, to }) => sum + width(from, to), 0)
  if (ended.length < endedEpochsMax && covered + counts.recalled < counts.lost) {
    books.compare('accounts', [counts.lost, covered], 'accounts lost, and the lost ranges')
  }
  const above = [...lost, ...filled].find((span) => position === undefined || span.to > position)
  if (above !== undefined) {
    books.add(
      'accounts',
      [`ranges up to ${position ?? 'no position'}`, rangeText(above)],
      'lost and filled ranges, and the position',
    )
  }
}

function rangeText({ from, to }: Span): string {
  return from === to ? String(from) : `${from} to ${to}`
}

function placeText(epoch: number, sequence: Sequence): string {
  return epoch === 0 ? String(sequence) : `${sequence} of epoch ${epoch}`
}
