import type { Sequence } from '../../../src/core/sequence.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
// Streams put into a store by hand, without an engine, so that a test can have any state it wants.
import type { HeldEvent, LedgerEntry, DeadLetter } from '../../../src/ports/records.ts'
import type { Store, StreamChange } from '../../../src/ports/store.ts'

export const consumer = 'billing'

/** What is known of a stream; whatever is left out is as in an unknown one. */
export interface StreamGiven {
  readonly stream: string
  readonly state?: Partial<StreamState>
  readonly held?: readonly Sequence[]
  readonly deliveries?: number
  readonly ledger?: readonly LedgerEntry[]
  readonly deadLetters?: readonly DeadLetter[]
  /** Numbers of events in its inbox. */
  readonly inbox?: readonly Sequence[]
}

/** A state with its counts. */
export function stateOf({
  counts,
  ...fields
}: Partial<Omit<StreamState, 'counts'>> & { readonly counts?: Partial<StreamState['counts']> }): StreamState {
  return { ...unknownStream, ...fields, counts: { ...unknownStream.counts, ...counts } }
}

/** A stream that was delivered up to a number and waits behind a gap. */
export function gappedState(
  position: number,
  spans: readonly (readonly [from: number, to: number])[],
  readingMs = 0,
): StreamState {
  return stateOf({
    position,
    baseline: 1,
    counts: { delivered: position },
    heldCount: spans.reduce((sum, [from, to]) => sum + to - from + 1, 0),
    held: spans.map(([from, to]) => ({
      kind: 'events',
      epoch: 0,
      after: from - 1,
      to,
      count: to - from + 1,
      clock: { now: 1_000, readingMs },
    })),
  })
}

/** Commits a stream as given. */
export async function putStream(store: Store, given: StreamGiven): Promise<string> {
  const path = streamPath('account', given.stream)
  const eventOf = (sequence: Sequence) => {
    return { domain: 'account', stream: given.stream, epoch: 0, sequence, data: {} }
  }
  const held = (given.held ?? []).map((sequence): HeldEvent => ({
    stream: path,
    event: eventOf(sequence),
    print: 0,
    heldAt: 1_000,
  }))
  const change: StreamChange = {
    stream: path,
    state: { ...unknownStream, ...given.state },
    hold: held,
    release: [],
    decided: [],
    deliveries: given.deliveries ?? given.state?.counts?.delivered ?? 0,
    deadLetters: given.deadLetters ?? [],
    redriven: [],
    ledger: given.ledger ?? [],
    due: {},
  }
  const request = { consumer, worker: 'w', streams: [path], mode: 'claim', claimMs: 30_000 } as const
  await store.work(request, async (unit) => unit.commit({ streams: [change] }))
  const inbox = (given.inbox ?? []).map((sequence) => ({ stream: path, arrival: eventOf(sequence) }))
  if (inbox.length > 0) await store.handOver(consumer, inbox)
  return path
}

/** A ledger entry of inturn itself. */
export function entry(
  stream: string,
  fields: Pick<LedgerEntry, 'kind' | 'from' | 'to'> & Partial<LedgerEntry>,
): LedgerEntry {
  return { stream: streamPath('account', stream), epoch: 0, at: 1_000, by: 'inturn', reason: '', ...fields }
}

/** A dead letter of a number. */
export function letter(stream: string, fields: Pick<DeadLetter, 'reason'> & Partial<DeadLetter>): DeadLetter {
  const path = streamPath('account', stream)
  const { sequence = 1, epoch = 0 } = fields
  return {
    key: `${path}/${epoch}/${sequence}/x`,
    detail: '',
    stream: path,
    epoch,
    sequence,
    payload: {},
    at: 1_000,
    ...fields,
  }
}
