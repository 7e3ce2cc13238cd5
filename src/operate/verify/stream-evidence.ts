// What the records beside a stream's state say about it, summed up: held events, its ledger, its dead
// letters. Read between two equal readings of the stream, so that a worker that goes on meanwhile causes no
// false alarm. Upholds I3: a dead letter that is simply gone shows here.
import { canonicalJson } from '../../core/fingerprint.ts'
import type { Epoch, Position, Sequence } from '../../core/sequence.ts'
import { after, comparePositions, width } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { DeadLetter, DeadLetterReason, LedgerEntry } from '../../ports/records.ts'
import type { StoredStream } from '../../ports/store-reader.ts'
import type { ConsumerView } from '../paging.ts'
import { eachDeadLetter, eachHeld, eachLedgerEntry } from '../paging.ts'

/** Numbers that the ledger accounts for, by what it says of them. */
export interface LedgerSums {
  readonly lost: number
  readonly filled: number
  /** Late numbers that had been lost before. */
  readonly late: number
  readonly removed: number
  /** Numbers whose accounts were cut when an operator sought backwards. */
  readonly recalled: number
  /** Numbers at or below a position that was imported. */
  readonly imported: number
  /** Dead letters of removed and late numbers that are no more: tried again with success, or dropped. */
  readonly gone: number
}

/** Dead letters of a stream. */
export interface LetterSums {
  /** Of events that were taken out of the stream: they failed, were skipped, or their epoch ended. */
  readonly removed: number
  /** Of events that came after their number had been given up as lost. */
  readonly late: number
}

/** Where a held event is. */
export interface HeldPlace {
  readonly epoch: Epoch
  readonly sequence: Sequence
}

/** What is recorded of a stream beside its state. */
export interface StreamEvidence {
  readonly held: readonly HeldPlace[]
  readonly ledger: LedgerSums
  readonly letters: LetterSums
  /** Numbers removed or late whose dead letter is gone, and nothing says why. */
  readonly missingLetters: number
}

/** The sums of a stream without a ledger. */
export const noLedger: LedgerSums = {
  lost: 0,
  filled: 0,
  late: 0,
  removed: 0,
  recalled: 0,
  imported: 0,
  gone: 0,
}

/** The sums of a stream without dead letters. */
export const noLetters: LetterSums = { removed: 0, late: 0 }

const triesMax = 20

/** A stream with its evidence, read while it stood still; `undefined` when it never did, or is gone. */
export async function readEvidence(
  view: ConsumerView,
  stream: StreamPath,
): Promise<{ readonly stored: StoredStream; readonly evidence: StreamEvidence } | undefined> {
  const { reader, consumer } = view
  let before = await reader.stream(consumer, stream)
  for (let tries = 0; tries < triesMax && before !== undefined; tries++) {
    const evidence = await collect(view, stream)
    const stored: StoredStream | undefined = await reader.stream(consumer, stream)
    if (stored !== undefined && isSame(before, stored)) return { stored, evidence }
    before = stored
  }
  return undefined
}

/** To which sum the numbers of an entry belong; none where it tells of no account. */
const sumOfKind: Readonly<Record<LedgerEntry['kind'], keyof LedgerSums | undefined>> = {
  lost: 'lost',
  filled: 'filled',
  late: 'late',
  removed: 'removed',
  recalled: 'recalled',
  imported: 'imported',
  sought: undefined,
  'redrive-asked': undefined,
  redriven: undefined,
  'redrive-failed': undefined,
  redelivered: undefined,
  'fill-given': undefined,
  dropped: undefined,
  'epoch-opened': undefined,
  halted: undefined,
  resumed: undefined,
  retried: undefined,
  skipped: undefined,
  paused: undefined,
}

/** The sums with one more entry. Of late numbers only those count that had been lost before. */
export function addEntry(sums: LedgerSums, entry: LedgerEntry): LedgerSums {
  const { kind, from, to, reason } = entry
  if (isGone(entry)) return { ...sums, gone: sums.gone + 1 }
  const sum = sumOfKind[kind]
  const isCounted = kind !== 'late' || reason === 'account-lost'
  if (sum === undefined || from === undefined || !isCounted) return sums
  return { ...sums, [sum]: sums[sum] + width(from, to ?? from) }
}

/** Reasons of dead letters that were taken out of the place that their stream had for them. */
const removals: ReadonlySet<DeadLetterReason> = new Set([
  'failed',
  'schema',
  'worker-died',
  'epoch-ended',
  'skipped',
] as const)

/** Whether an entry says what became of a dead letter whose number is removed or late. */
function isGone({ kind, before }: LedgerEntry): boolean {
  if (kind !== 'redriven' && kind !== 'dropped') return false
  if (typeof before !== 'object' || before === null || !('reason' in before)) return false
  const { reason } = before
  return reason === 'late' || [...removals].some((removal) => removal === reason)
}

/** The sums with one more dead letter. */
export function addLetter(sums: LetterSums, { reason, detail }: DeadLetter): LetterSums {
  if (reason === 'late' && detail === 'account-lost') return { ...sums, late: sums.late + 1 }
  return removals.has(reason) ? { ...sums, removed: sums.removed + 1 } : sums
}

/**
 * How many dead letters are missing at most, as far as sums tell. It may be too many, where an event was
 * taken out twice, or was a dead letter for another reason before; the evidence of the stream tells exactly.
 */
export function missingLettersMax(ledger: LedgerSums, letters: LetterSums): number {
  return Math.max(0, ledger.removed + ledger.late - ledger.gone - letters.removed - letters.late)
}

async function collect(view: ConsumerView, stream: StreamPath): Promise<StreamEvidence> {
  const held: HeldPlace[] = []
  for await (const { event } of eachHeld(view, { stream })) held.push(event)
  const taken: EpochRange[] = []
  const known: Position[] = []
  // Dead letters first: one that is dropped in between is told of by the ledger.
  let letters = noLetters
  for await (const letter of eachDeadLetter(view, { stream })) {
    letters = addLetter(letters, letter)
    const { epoch = 0, sequence } = letter
    if (sequence !== undefined) known.push({ epoch, sequence })
  }
  let ledger = noLedger
  for await (const entry of eachLedgerEntry(view, { stream })) {
    const { kind, epoch = 0, from, to = from } = entry
    const before = ledger
    ledger = addEntry(ledger, entry)
    if (from === undefined || to === undefined) continue
    if (ledger.removed + ledger.late > before.removed + before.late) taken.push({ epoch, from, to })
    if (kind === 'redriven' || kind === 'dropped') known.push({ epoch, sequence: from })
  }
  const places = held.map(({ epoch, sequence }) => ({ epoch, sequence }))
  return { held: places, ledger, letters, missingLetters: countMissingLetters(taken, known) }
}

/** Whether nothing was committed between two readings: who has the claim does not matter. */
function isSame(a: StoredStream, b: StoredStream): boolean {
  return (
    a.deliveries === b.deliveries &&
    a.changedAt === b.changedAt &&
    canonicalJson(a.state) === canonicalJson(b.state)
  )
}

/** Numbers of one epoch, both ends included. */
interface EpochRange {
  readonly epoch: Epoch
  readonly from: Sequence
  readonly to: Sequence
}

/**
 * How many numbers of the ranges, which the ledger says were taken out of their stream or came late, have
 * none of the letters. Pure. A number that lies in several ranges counts once: an event that is taken out
 * again, after its position was moved back, has the same dead letter as before.
 */
export function countMissingLetters(ranges: readonly EpochRange[], letters: readonly Position[]): number {
  const kept = letters.toSorted(comparePositions)
  let missing = 0
  let next = 0
  let last: Position | undefined
  for (const { epoch, from, to } of ranges.toSorted(byPlace)) {
    const start = last?.epoch === epoch && last.sequence >= from ? after(last.sequence) : from
    if (start > to) continue
    missing += width(start, to)
    let counted: Position | undefined
    for (let letter = kept[next]; letter !== undefined; letter = kept[++next]) {
      if (comparePositions(letter, { epoch, sequence: to }) > 0) break
      const isNew = counted === undefined || comparePositions(counted, letter) < 0
      if (isNew && comparePositions(letter, { epoch, sequence: start }) >= 0) missing--
      counted = letter
    }
    last = { epoch, sequence: to }
  }
  return missing
}

function byPlace(a: EpochRange, b: EpochRange): number {
  return comparePositions({ epoch: a.epoch, sequence: a.from }, { epoch: b.epoch, sequence: b.from })
}
