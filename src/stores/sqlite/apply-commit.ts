// Writes a commit into the transaction that is open. Streams that only moved share one row of the journal;
// the others are written to their own rows; everything else costs only what there is of it. Upholds I1.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { DomainCounts } from './consumers.ts'
import { keepHeld, releaseHeld } from './held.ts'
import { settleInbox } from './inbox.ts'
import type { JournalEntry } from './journal.ts'
import { appendJournal, journaledMin, lastJournalNumber } from './journal.ts'
import { keepIds } from './processed-ids.ts'
import { keepRecords } from './records.ts'
import { isQuiet, writeStream } from './streams.ts'
import type { UnitScope } from './unit-scope.ts'

/** When a commit happens, and which of its streams take part. */
export interface CommitTerms {
  readonly now: number
  readonly isRefused?: (stream: StreamPath) => boolean
}

/** Writes all of a commit but the streams that are refused. */
export function applyCommit(scope: UnitScope, commit: Commit, { now, isRefused }: CommitTerms): void {
  const { database, consumer } = scope
  const changes: (StreamChange | StreamRecords)[] = []
  for (const change of commit.streams) if (isRefused?.(change.stream) !== true) changes.push(change)
  writeStates(scope, changes, now)
  const counts = new DomainCounts()
  for (const change of changes) if (hasMore(change)) applyRest(scope, change, counts)
  counts.write(database, consumer.id)
  keepRecords(database, consumer.id, commit)
  for (const ids of commit.ids ?? []) keepIds(database, consumer.id, { ...ids, now })
}

function writeStates(
  scope: UnitScope,
  changes: readonly (StreamChange | StreamRecords)[],
  now: number,
): void {
  const { mayJournal } = scope
  const journaled: Journaled[] = []
  const direct: StreamChange[] = []
  for (const change of changes) {
    if (!changesState(change)) continue
    const known = mayJournal ? scope.find(change.stream) : undefined
    if (known?.isQuiet === true && isQuiet(change)) journaled.push({ change, id: known.id })
    else direct.push(change)
  }
  if (journaled.length >= journaledMin) journal(scope, journaled, now)
  else for (const { change } of journaled) direct.push(change)
  if (direct.length === 0) return
  const { database, consumer, fence } = scope
  const journalSeen = lastJournalNumber(database, consumer.id)
  for (const change of direct) {
    const write = { id: scope.find(change.stream)?.id, consumer: consumer.id, fence, now, journalSeen }
    const id = writeStream(database, change, write)
    scope.wrote(change.stream, { id, state: change.state, isQuiet: isQuiet(change) })
  }
}

/** A change that goes to the journal, and the id of its stream's row. */
interface Journaled {
  readonly change: StreamChange
  readonly id: number
}

function journal(scope: UnitScope, changes: readonly Journaled[], now: number): void {
  const entries: JournalEntry[] = []
  for (const { change, id } of changes) {
    const { stream, state, deliveries } = change
    scope.wrote(stream, { id, state, isQuiet: true })
    entries.push({ id, deliveries, state })
  }
  appendJournal(scope.database, scope.consumer.id, { entries, fence: scope.fence, now })
}

/** Whether a change has more than a state. */
function hasMore(change: StreamChange | StreamRecords): boolean {
  const { decided, deadLetters, redriven, ledger } = change
  if (decided.length + deadLetters.length + redriven.length + ledger.length > 0) return true
  return (
    changesState(change) && (change.inboxSeen !== undefined || change.hold.length + change.release.length > 0)
  )
}

function applyRest(scope: UnitScope, change: StreamChange | StreamRecords, counts: DomainCounts): void {
  if (changesState(change) && change.hold.length + change.release.length > 0) applyHeld(scope, change, counts)
  settleInbox(scope.database, scope.consumer.id, { change, counts })
  keepRecords(scope.database, scope.consumer.id, change)
}

function applyHeld(scope: UnitScope, { stream, hold, release }: StreamChange, counts: DomainCounts): void {
  const id = scope.find(stream)?.id
  if (id === undefined) return
  for (const range of release) counts.held(stream, -releaseHeld(scope.database, id, range))
  for (const event of hold) counts.held(stream, keepHeld(scope.database, id, event))
}
