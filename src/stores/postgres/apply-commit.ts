// Writes a commit into the transaction that is open: one statement for all of a kind, and none for what there
// is nothing of. Whatever can be wrong with a value is found before anything is sent. Upholds I1.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, ProcessedIds, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { heldColumns, keepHeld, releaseHeld } from './held.ts'
import { inboxChanges, settleInboxes } from './inbox.ts'
import { keepIds } from './processed-ids.ts'
import { keepRecords, recordStatements } from './records.ts'
import type { Statements } from './schema.ts'
import { streamColumns, writeStreams } from './streams.ts'

/** For whom a commit is written. */
export interface CommitTerms {
  readonly consumer: number
  readonly fence: number
  readonly shiftMs: number
  /** Whether ids must not have been processed by anybody else meanwhile. */
  readonly areNew?: (ids: ProcessedIds) => boolean
}

/** A commit that can be kept: sends all of its statements, and settles when all have their answers. */
export type PreparedCommit = (
  statements: Statements,
  isRefused?: (stream: StreamPath) => boolean,
) => Promise<void>

/**
 * Turns a commit into statements; asked to send them, leaves out the streams that are refused.
 *
 * @throws InturnError `event-invalid`
 */
export function prepareCommit(commit: Commit, terms: CommitTerms): PreparedCommit {
  const { consumer, shiftMs, areNew } = terms
  const whole = prepareStreams(commit.streams, terms)
  const records = recordStatements([commit])
  const ids = (commit.ids ?? []).toSorted((a, b) => (a.domain < b.domain ? -1 : 1))
  return async (statements, isRefused) => {
    const kept = isRefused && commit.streams.filter(({ stream }) => !isRefused(stream))
    const isWhole = kept === undefined || kept.length === commit.streams.length
    await Promise.all([
      (isWhole ? whole : prepareStreams(kept, terms))(statements),
      keepRecords(statements, consumer, records),
      ...ids.map((one) => keepIds(statements, consumer, { ...one, shiftMs, isNew: areNew?.(one) === true })),
    ])
  }
}

function prepareStreams(
  changes: readonly (StreamChange | StreamRecords)[],
  terms: CommitTerms,
): (statements: Statements) => Promise<void> {
  const { consumer } = terms
  const rounds = inRounds(changes).map((round) => {
    const states = round.filter(changesState)
    const hold = states.flatMap((change) => change.hold)
    return {
      streams: states.length === 0 ? undefined : streamColumns(states),
      release: states.flatMap((change) => change.release),
      hold: hold.length === 0 ? undefined : heldColumns(hold),
      inboxes: inboxChanges(round),
      records: recordStatements(round),
    }
  })
  return async (statements) => {
    const sent: Promise<unknown>[] = []
    for (const { streams, release, hold, inboxes, records } of rounds) {
      if (streams !== undefined) sent.push(writeStreams(statements, terms, streams))
      if (release.length > 0) sent.push(releaseHeld(statements, consumer, release))
      if (hold !== undefined) sent.push(keepHeld(statements, consumer, hold))
      if (inboxes.length > 0) sent.push(settleInboxes(statements, consumer, inboxes))
      sent.push(keepRecords(statements, consumer, records))
    }
    await Promise.all(sent)
  }
}

/** Changes in which each stream is there once, in order; nearly always all of them. */
function inRounds<Change extends { readonly stream: StreamPath }>(
  changes: readonly Change[],
): readonly (readonly Change[])[] {
  const rounds: Change[][] = []
  const seen = new Map<StreamPath, number>()
  for (const change of changes) {
    const nth = seen.get(change.stream) ?? 0
    seen.set(change.stream, nth + 1)
    const round = (rounds[nth] ??= [])
    round.push(change)
  }
  return rounds
}
