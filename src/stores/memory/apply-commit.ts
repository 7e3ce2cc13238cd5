// Carries a commit out in two steps: first everything that can fail (turning values into what is kept),
// then the changes themselves, which cannot. That is what makes a commit all or nothing. Upholds I1.
import type { StreamState } from '../../core/stream-state.ts'
import type { DeadLetter, LedgerEntry } from '../../ports/records.ts'
import type { Commit, ProcessedIds, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { recordText } from '../../storage/record-text.ts'
import type { HeldEntry } from './held-list.ts'
import { heldEntry } from './held-list.ts'
import type { ConsumerData, LedgerLine, StreamRow } from './memory-data.ts'

/** One stream's part of a commit, ready to be applied. */
export interface PreparedChange {
  readonly change: StreamChange | StreamRecords
  /** Absent where the stream stays as it is. */
  readonly state?: StreamState
  readonly hold: readonly HeldEntry[]
  readonly records: PreparedRecords
}

/** The rest of a commit, ready to be applied. */
export interface PreparedRecords {
  readonly deadLetters: readonly { readonly letter: DeadLetter; readonly text: string }[]
  readonly ledger: readonly LedgerLine[]
}

/** The part of a commit that belongs to no stream. */
export type StreamlessRecords = Omit<Commit, 'streams' | 'ids'>

const none: readonly never[] = []
const noRecords: PreparedRecords = { deadLetters: none, ledger: none }

/** Turns a change into what is kept. */
export function prepareChange(change: StreamChange | StreamRecords): PreparedChange {
  if (!changesState(change)) return { change, hold: [], records: prepareRecords(change) }
  const { state, hold } = change
  return {
    change,
    state,
    hold: hold.length === 0 ? none : hold.map(heldEntry),
    records: prepareRecords(change),
  }
}

/** Turns dead letters and ledger entries into what is kept. */
export function prepareRecords({ deadLetters = [], ledger = [] }: StreamlessRecords): PreparedRecords {
  if (deadLetters.length + ledger.length === 0) return noRecords
  return {
    deadLetters: deadLetters.map((letter) => ({ letter, text: recordText(letter) })),
    ledger: ledger.map(ledgerLine),
  }
}

/** Applies one stream's changes. */
export function applyChange(data: ConsumerData, row: StreamRow, prepared: PreparedChange): void {
  const { change } = prepared
  if (changesState(change) && prepared.state !== undefined) {
    row.state = prepared.state
    row.deliveries += change.deliveries
    row.due = { ...change.due }
    if (change.inboxSeen !== undefined) row.inbox.look(change.inboxSeen)
    const { hold } = prepared
    if (change.release.length > 0 || hold.length > 0) applyHeld(data, row, { ...change, hold })
  }
  if (change.decided.length > 0) data.domain(row.domain).handedOver -= row.inbox.forget(change.decided)
  takeOut(data, change.redriven)
  keepRecords(data, prepared.records)
  data.watch(row)
}

/** Applies what belongs to no stream. */
export function applyRecords(data: ConsumerData, commit: StreamlessRecords, prepared: PreparedRecords): void {
  takeOut(data, commit.redriven ?? [])
  keepRecords(data, prepared)
  for (const { domain, paused } of commit.paused ?? []) data.domain(domain).paused = paused
}

/** Remembers processed ids, and forgets those beyond their window. */
export function rememberIds(data: ConsumerData, { domain, ids, window }: ProcessedIds, now: number): void {
  const known = data.windows.get(domain) ?? new Map<string, number>()
  data.windows.set(domain, known)
  for (const id of ids) {
    known.delete(id)
    known.set(id, now + window.ms)
  }
  for (const [id, until] of known) {
    if (known.size <= window.ids && until > now) break
    known.delete(id)
  }
}

function applyHeld(
  data: ConsumerData,
  row: StreamRow,
  { release, hold }: { readonly release: StreamChange['release']; readonly hold: readonly HeldEntry[] },
): void {
  const domain = data.domain(row.domain)
  for (const range of release) domain.held -= row.held.release(range)
  for (const entry of hold) if (row.held.keep(entry)) domain.held++
}

function takeOut(data: ConsumerData, keys: readonly string[]): void {
  for (const key of keys) data.deadLetters.delete(key)
}

function keepRecords(data: ConsumerData, { deadLetters, ledger }: PreparedRecords): void {
  for (const { letter, text } of deadLetters) {
    const { key, reason, stream } = letter
    if (data.deadLetters.has(key)) continue
    data.deadLetters.set(key, { key, reason, stream, text, cursor: data.nextCursor() })
  }
  data.ledger.push(...ledger)
}

function ledgerLine(entry: LedgerEntry): LedgerLine {
  return { stream: entry.stream, text: recordText(entry) }
}
