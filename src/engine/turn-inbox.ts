// What a turn decides of its stream's inbox: the lowest entries, in order of arrival. Where a gap is about to
// be given up, those that lie in it come first and have room in any case; the others wait until the stream
// has moved. Upholds I3: nothing that is kept is lost with a gap.
import { counterOf, nearestTo } from '../core/counter.ts'
import { headGap } from '../core/gaps.ts'
import { reachedIn } from '../core/half-turn.ts'
import { epochInRuns } from '../core/producer-runs.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { InboxOwner } from '../ports/inbox-pages.ts'
import { firstEntries, lowestPages } from '../ports/inbox-pages.ts'
import type { DeadLetter, StoredEntry } from '../ports/records.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { isEvent, placeOnWire } from '../ports/store.ts'
import { isGapDue } from './decide-turn.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { arrivalOf } from './intake.ts'
import type { TurnArrival } from './turn-outcome.ts'

/** An entry that waits to be decided. */
export interface WaitingEntry extends TurnArrival {
  readonly arrivalId: string
}

/** A stream's inbox before a turn. */
export interface WaitingInbox {
  /** How many entries it has. */
  readonly size: number
  /** Up to where it was looked at once the turn is made. */
  readonly newest: number
  /** The lowest of them. */
  readonly lowest: readonly WaitingEntry[]
}

/** What a turn decides of an inbox. */
export interface TurnInbox {
  /** In order of arrival. They stand first among the arrivals of the turn. */
  readonly entries: readonly WaitingEntry[]
  /** How many others there are. */
  readonly others: number
  readonly newest: number | undefined
  /** The entries have room even if their stream or its domain is full. */
  readonly hasRoom: boolean
  /** The first place where others may lie: no gap that reaches it is given up in this turn. */
  readonly restFrom: Position | undefined
}

/** The inbox of a stream that has none. */
export const noInbox: TurnInbox = {
  entries: [],
  others: 0,
  newest: undefined,
  hasRoom: false,
  restFrom: undefined,
}

/** Whose inbox is read. */
export interface InboxReader extends Omit<InboxOwner, 'rules'> {
  readonly domain: TrackedDomain
  readonly newest: number
}

/** Reads the lowest entries of some streams, in one round trip; only of those that have some. */
export async function readInboxes(
  parts: EngineParts,
  unit: UnitOfWork,
  readers: readonly InboxReader[],
): Promise<ReadonlyMap<StreamPath, WaitingInbox>> {
  const inboxes = new Map<StreamPath, WaitingInbox>()
  const asked = readers.filter(({ size }) => size > 0)
  const pages = asked.flatMap((reader) =>
    lowestPages({ ...reader, rules: reader.domain.rules }, parts.batchMax),
  )
  const read = pages.length === 0 ? [] : await unit.inbox(pages)
  const found = Map.groupBy(read, ({ stream }) => stream)
  for (const { domain, stream, size, newest, state } of asked) {
    const { rules } = domain
    const lowest = firstEntries({ rules, state }, found.get(stream) ?? [], parts.batchMax)
    inboxes.set(stream, { size, newest, lowest: lowest.map((entry) => waitingEntry(parts, domain, entry)) })
  }
  return inboxes
}

/** What is known of a stream when it is chosen from its inbox. */
export interface InboxQuestion {
  readonly domain: TrackedDomain
  readonly state: StreamState
  readonly clock: Clock
  readonly inbox: WaitingInbox
  /** A gap whose patience has ended is given up. */
  readonly endsGaps: boolean
  readonly batchMax: number
}

/** What a turn decides of an inbox. */
export function chooseEntries(question: InboxQuestion): TurnInbox {
  const { inbox } = question
  const { size, newest, lowest } = inbox
  const placed = lowest.map((entry) => ({ entry, place: placeOf(question, entry) }))
  const last = size > lowest.length ? restOf(question, placed) : undefined
  const gap = gapWithRoom(question)
  const { within = [], beyond = [] } = Object.groupBy(placed, ({ place }) =>
    gap !== undefined && comparePositions(place, gap.end) <= 0 ? 'within' : 'beyond',
  )
  if (gap === undefined || within.length < gap.atLeast || within.length > gap.atMost) {
    const others = Math.max(0, size - lowest.length)
    return { entries: inOrder(lowest), others, newest, hasRoom: false, restFrom: last }
  }
  const [rest = last] = beyond.map(({ place }) => place).sort(comparePositions)
  const entries = inOrder(within.map(({ entry }) => entry))
  return { entries, others: Math.max(0, size - entries.length), newest, hasRoom: true, restFrom: rest }
}

/** The first place where entries may lie that were not read: of a counter that wraps, anywhere. */
function restOf(
  { domain, state }: InboxQuestion,
  placed: readonly { readonly place: Position }[],
): Position | undefined {
  const { epoch, position } = state
  if (counterOf(domain.rules.numbering) === undefined) return placed.at(-1)?.place
  return { epoch, sequence: position === undefined ? -Infinity : Number(position) + 1 }
}

/**
 * The end of the gap whose entries have room in any case, and for how many that is so: of the one that is
 * about to be given up, for all; of the one that halts the stream, whose halt ends once all of it has come,
 * for as many as are read at once.
 */
function gapWithRoom({
  domain,
  state,
  clock,
  endsGaps,
  batchMax,
}: InboxQuestion): { readonly end: Position; readonly atLeast: number; readonly atMost: number } | undefined {
  const { rules } = domain
  const gap = endsGaps && isGapDue(rules, state, clock) ? headGap(rules, state) : undefined
  if (gap !== undefined) {
    return { end: { epoch: gap.epoch, sequence: gap.to }, atLeast: 0, atMost: Infinity }
  }
  const end = state.halt?.gapTo
  return end && { end, atLeast: 1, atMost: rules.heldMax + batchMax - state.heldCount }
}

function waitingEntry(
  { reread }: EngineParts,
  domain: TrackedDomain,
  { arrival, known, logPlace: place, arrivalId }: StoredEntry,
): WaitingEntry {
  const event = isEvent(arrival) ? reread(arrival) : arrival
  const read = { ...arrivalOf(event, domain), place }
  return { event, arrival: known === undefined ? read : { ...read, known: Number(known) }, arrivalId }
}

function inOrder(entries: readonly WaitingEntry[]): readonly WaitingEntry[] {
  return entries.toSorted((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
}

/** Where an entry belongs: less than half a turn from the position, where its counter wraps. */
function placeOf({ domain, state }: InboxQuestion, { arrival }: WaitingEntry): Position {
  const epoch = epochInRuns(state.runs, arrival) ?? 0
  const sequence = arrival.known ?? (arrival.kind === 'event' ? arrival.sequence : arrival.from)
  const counter = arrival.known === undefined ? counterOf(domain.rules.numbering) : undefined
  const reached = counter && reachedIn(domain.rules, state, epoch)
  if (counter === undefined || reached === undefined) return { epoch, sequence }
  return { epoch, sequence: nearestTo(counter, Number(sequence), reached) }
}

/**
 * The dead letter of an entry of which nobody can tell by now what its number stands for. Another event may
 * bear the same number on the wire: each has a key of its own.
 */
export function unplacedLetter(
  stream: StreamPath,
  { event, arrivalId }: WaitingEntry,
  at: number,
): DeadLetter {
  const { epoch, sequence } = placeOnWire(event)
  const place = { stream, epoch, sequence, ...('id' in event && { id: event.id }), payload: event }
  const detail = 'its counter has gone too far to tell which turn its number is of'
  return { ...place, key: `${deadLetterKey(place)}~${arrivalId}`, reason: 'implausible', detail, at }
}
