// Streams, events, changes and units of work as the cases of the store suite need them, each valid unless a
// case says otherwise.
import { invariant } from '../../core/errors.ts'
import type { TrackedEvent } from '../../core/event.ts'
import type { Sequence } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath, streamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { DeadLetter, InboxEntry, HeldEvent, HeldRange, LedgerEntry } from '../../ports/records.ts'
import type { Store, StreamChange, UnitOfWork, Worked, WorkRequest } from '../../ports/store.ts'

/** The consumer of a case that needs only one. */
export const consumer = 'billing'

/** The path of an account's stream. */
export function account(name: string): StreamPath {
  return streamPath('account', name)
}

/** An event of a stream. */
export function event(
  path: StreamPath,
  sequence: Sequence,
  fields: Partial<TrackedEvent> = {},
): TrackedEvent {
  const { domain, stream } = parseStreamPath(path) ?? { domain: '', stream: path }
  return { domain, stream, epoch: 0, sequence, id: `e${sequence}`, type: 'opened', data: { n: 1 }, ...fields }
}

/** An event of a stream as it is held. */
export function held(path: StreamPath, sequence: Sequence, fields: Partial<TrackedEvent> = {}): HeldEvent {
  return { stream: path, event: event(path, sequence, fields), print: 7, heldAt: 1000 }
}

/** All held events of a stream and epoch up to a number. */
export function upTo(stream: StreamPath, to: Sequence, epoch = 0): HeldRange {
  return { stream, epoch, after: null, to }
}

/** A state at a position. */
export function at(position: Sequence, fields: Partial<StreamState> = {}): StreamState {
  return { ...unknownStream, position, baseline: 1, ...fields }
}

/** A change that moves a stream to a position. */
export function moved(
  stream: StreamPath,
  position: Sequence,
  fields: Partial<StreamChange> = {},
): StreamChange {
  return {
    stream,
    state: at(position),
    hold: [],
    release: [],
    decided: [],
    deliveries: 1,
    deadLetters: [],
    redriven: [],
    ledger: [],
    due: {},
    ...fields,
  }
}

/** A change that holds events, with a state that says so. */
export function holding(stream: StreamPath, ...sequences: Sequence[]): StreamChange {
  const state = at(1, { heldCount: sequences.length })
  return moved(stream, 1, { state, hold: sequences.map((sequence) => held(stream, sequence)) })
}

/** A dead letter. */
export function letter(key: string, fields: Partial<DeadLetter> = {}): DeadLetter {
  return { key, reason: 'invalid', detail: `why ${key}`, payload: { key }, at: 1000, ...fields }
}

/** A ledger entry. */
export function entry(reason: string, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  return { kind: 'lost', at: 1000, by: 'inturn', reason, ...fields }
}

/** A handed-over event. */
export function handed(stream: StreamPath, sequence: Sequence): InboxEntry {
  return { stream, arrival: event(stream, sequence) }
}

/** Works on streams with claims, unless asked otherwise. */
export async function work<Result>(
  store: Store,
  request: Partial<WorkRequest> & Pick<WorkRequest, 'streams'>,
  body: (unit: UnitOfWork) => Promise<Result>,
): Promise<Worked<Result>> {
  return store.work({ consumer, worker: 'one', mode: 'claim', claimMs: 30_000, ...request }, body)
}

/** Commits changes in a unit of work of their own. */
export async function commit(
  store: Store,
  changes: readonly StreamChange[],
  request: Partial<WorkRequest> = {},
): Promise<void> {
  const streams = changes.map(({ stream }) => stream)
  await work(store, { streams, ...request }, (unit) => unit.commit({ streams: changes }))
}

/** Runs a part of a unit in transaction, behind a savepoint. */
export function savepoint<Result>({ transaction }: UnitOfWork, run: () => Promise<Result>): Promise<Result> {
  invariant(transaction !== undefined, 'the unit of work has no transaction')
  return transaction.savepoint(run)
}

/** The states of the streams that a unit of work has won. */
export function statesIn({ streams }: Pick<UnitOfWork, 'streams'>): Map<StreamPath, StreamState> {
  return new Map([...streams].map(([path, { state }]) => [path, state]))
}

/** Which of its streams a unit of work has taken over from a worker that was lost. */
export function takenOverIn({ streams }: Pick<UnitOfWork, 'streams'>): StreamPath[] {
  return [...streams].flatMap(([path, { isTakenOver }]) => (isTakenOver ? [path] : []))
}

/** The position of a stream as the next unit of work sees it. */
export async function positionOf(
  store: Store,
  stream: StreamPath,
  request: Partial<WorkRequest> = {},
): Promise<Sequence | undefined> {
  const { value } = await work(store, { streams: [stream], ...request }, async ({ streams }) =>
    streams.get(stream),
  )
  return value?.state.position
}

/** The sequences of held events. */
export function sequencesOf(events: readonly HeldEvent[]): Sequence[] {
  return events.map(({ event }) => event.sequence)
}
