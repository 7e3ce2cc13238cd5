// Writes a commit into the transaction that is open. Streams that only moved share one row of the journal;
// the others are written to their own rows; everything else costs only what there is of it. Upholds I1.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { DomainCounts } from './consumers.ts'
import { keepHeld, releaseHeld } from './held.ts'
import { settleInbox } from './inbox.ts'
import { appendJournal, journaledMin, lastJournalNumber } from './journal.ts'
import { keepIds } from './processed-ids.ts'
import { keepRecords } from './records.ts'
import { isQuiet, writeStream } from './streams.ts'
import type { UnitScope } from './unit-scope.ts'

/** When a commit happens, and which of its streams take part. */
export interface CommitTerms {
  readonly now: number
  readonly isRefused: (stream: StreamPath) => boolean
}

/** Writes all of a commit but the streams that are refused. */
export function applyCommit(scope: UnitScope, commit: Commit, { now, isRefused }: CommitTerms): void {
  const { database, consumer } = scope
  const changes = commit.streams.filter(({ stream }) => !isRefused(stream))
  writeStates(scope, changes.filter(changesState), now)
  const counts = new DomainCounts()
  for (const change of changes) applyRest(scope, change, counts)
  counts.write(database, consumer.id)
  keepRecords(database, consumer.id, commit)
  for (const ids of commit.ids ?? []) keepIds(database, consumer.id, { ...ids, now })
}

function writeStates(scope: UnitScope, changes: readonly StreamChange[], now: number): void {
  const journaled: StreamChange[] = []
  const direct: StreamChange[] = []
  for (const change of changes) {
    const hasOnlyMoved = scope.mayJournal && scope.isQuiet(change.stream) && isQuiet(change)
    if (hasOnlyMoved) journaled.push(change)
    else direct.push(change)
  }
  if (journaled.length >= journaledMin) journal(scope, journaled, now)
  else direct.push(...journaled)
  if (direct.length === 0) return
  const { database, consumer, fence } = scope
  const journalSeen = lastJournalNumber(database, consumer.id)
  for (const change of direct) {
    const write = { id: scope.idOf(change.stream), consumer: consumer.id, fence, now, journalSeen }
    const id = writeStream(database, change, write)
    scope.wrote(change.stream, { id, state: change.state, isQuiet: isQuiet(change) })
  }
}

function journal(scope: UnitScope, changes: readonly StreamChange[], now: number): void {
  const entries = changes.flatMap(({ stream, state, deliveries }) => {
    const id = scope.idOf(stream)
    if (id === undefined) return []
    scope.wrote(stream, { id, state, isQuiet: true })
    return { id, deliveries, state }
  })
  appendJournal(scope.database, scope.consumer.id, { entries, fence: scope.fence, now })
}

function applyRest(scope: UnitScope, change: StreamChange | StreamRecords, counts: DomainCounts): void {
  if (changesState(change) && change.hold.length + change.release.length > 0) applyHeld(scope, change, counts)
  settleInbox(scope.database, scope.consumer.id, { change, counts })
  keepRecords(scope.database, scope.consumer.id, change)
}

function applyHeld(scope: UnitScope, { stream, hold, release }: StreamChange, counts: DomainCounts): void {
  const id = scope.idOf(stream)
  if (id === undefined) return
  for (const range of release) counts.held(stream, -releaseHeld(scope.database, id, range))
  for (const event of hold) counts.held(stream, keepHeld(scope.database, id, event))
}
