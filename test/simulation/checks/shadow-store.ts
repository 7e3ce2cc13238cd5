// What a store must have kept, worked out anew from what was written down as it became durable. The checks
// ask this and never the store, so that a store that forgets is noticed too.
import type { Epoch, Sequence } from '../../../src/core/sequence.ts'
import type { StreamPath } from '../../../src/core/stream-path.ts'
import type { EpochSpan, StreamState } from '../../../src/core/stream-state.ts'
import type { DeadLetter, InboxEntry, HeldEvent, LedgerEntry } from '../../../src/ports/records.ts'
import type { StreamChange } from '../../../src/ports/store.ts'
import type { Happening } from '../history.ts'
import { uidOf } from '../produced.ts'
import { isBetween } from './numbers.ts'

/** One stream as it must be kept. */
export interface ShadowStream {
  readonly path: StreamPath
  state: StreamState | undefined
  readonly held: Map<string, HeldEvent>
  /** What is kept and not decided, in order of arrival. */
  inbox: InboxEntry[]
  deliveries: number
  readonly ledger: LedgerEntry[]
  fence: number
}

/** What must be kept for one consumer. */
export class ShadowStore {
  readonly streams: Map<StreamPath, ShadowStream> = new Map()
  /** By key. */
  readonly deadLetters: Map<string, DeadLetter> = new Map()
  /** Uids of all dead letters that ever were, with their reasons. */
  readonly buried: Map<number, string> = new Map()
  /** Uids whose effect is done. */
  readonly effects: Set<number> = new Set()

  stream(path: StreamPath): ShadowStream {
    const there = this.streams.get(path)
    if (there !== undefined) return there
    const stream = {
      path,
      state: undefined,
      held: new Map(),
      inbox: [],
      deliveries: 0,
      ledger: [],
      fence: 0,
    }
    this.streams.set(path, stream)
    return stream
  }

  apply(happening: Happening): void {
    const { kind } = happening
    if (kind === 'committed') this.#commit(happening.change, happening.decided)
    else if (kind === 'recorded') this.#bury(happening.deadLetters)
    else if (kind === 'effect' || kind === 'effect-repeated') this.effects.add(happening.produced.uid)
    else if (kind === 'handed-over') {
      for (const entry of happening.entries) {
        if (entry.redrive === undefined) this.stream(entry.stream).inbox.push(entry)
      }
    }
  }

  /** Whether an event with this number is held, or covered by a held fill. */
  isHeld(path: StreamPath, epoch: Epoch, sequence: Sequence): boolean {
    const { held, state } = this.stream(path)
    if (held.has(keyOf(epoch, sequence))) return true
    return (state?.held ?? []).some(
      (span) => span.kind === 'fill' && span.epoch === epoch && isBetween(sequence, span.after, span.to),
    )
  }

  /** Whether the number has an account: it lies at or below the position of its epoch, or came late. */
  isAccounted(path: StreamPath, epoch: Epoch, sequence: Sequence): boolean {
    const { state } = this.stream(path)
    const isLate = (span: EpochSpan): boolean =>
      span.epoch === epoch && span.from <= sequence && sequence <= span.to
    if (state?.belowBaseline.some(isLate) === true) return true
    if (state?.position === undefined || state.epoch < epoch) return false
    if (state.epoch === epoch) return sequence <= state.position
    const ended = state.ended.find((record) => record.epoch === epoch)
    return ended !== undefined && sequence <= ended.position
  }

  #commit(change: StreamChange, decided: readonly InboxEntry[]): void {
    const stream = this.stream(change.stream)
    stream.state = change.state
    stream.deliveries += change.deliveries
    stream.ledger.push(...change.ledger)
    for (const { arrival } of decided) {
      const uid = uidOf(arrival)
      const at = stream.inbox.findIndex((entry) => uidOf(entry.arrival) === uid)
      if (at >= 0) stream.inbox.splice(at, 1)
    }
    for (const { epoch, after, to } of change.release) {
      for (const [key, { event }] of stream.held) {
        if (event.epoch === epoch && isBetween(event.sequence, after, to)) stream.held.delete(key)
      }
    }
    for (const held of change.hold) stream.held.set(keyOf(held.event.epoch, held.event.sequence), held)
    for (const key of change.redriven) this.deadLetters.delete(key)
    this.#bury(change.deadLetters)
  }

  #bury(deadLetters: readonly DeadLetter[]): void {
    for (const letter of deadLetters) {
      const uid = uidOf(letter.payload)
      if (uid !== undefined) this.buried.set(uid, letter.reason)
      if (!this.deadLetters.has(letter.key)) this.deadLetters.set(letter.key, letter)
    }
  }
}

function keyOf(epoch: Epoch, sequence: Sequence): string {
  return `${epoch}/${String(sequence)}`
}
