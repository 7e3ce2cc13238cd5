// Puts a dead letter that is readable now where its stream takes it back by itself, in order: it becomes an
// overflowed event of the stream, in one commit under the stream's claim. Upholds I3.
import type { StreamPath } from '../core/stream-path.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter, LedgerEntry } from '../ports/records.ts'
import { findLetter } from './dead-letter-selection.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { claimLost, withClaim } from './with-claim.ts'

/** What to admit. */
export interface Admission {
  readonly letter: DeadLetter
  /** The stream that it belongs to. */
  readonly stream: StreamPath
  /** What it becomes. */
  readonly overflow: DeadLetter
}

/**
 * Admits a dead letter; `false` where it is gone.
 *
 * @throws InturnError `stream-busy`
 */
export async function admitLetter(
  target: OperatorTarget,
  { by, reason, waitMs }: Operator & { readonly waitMs?: number },
  { letter, stream, overflow }: Admission,
): Promise<boolean> {
  const view = { reader: target.store.reader, consumer: target.consumer }
  return withClaim(target, { stream, by, ...(waitMs !== undefined && { waitMs }) }, async (unit) => {
    if ((await findLetter(view, letter.key)) === undefined) return false
    const isThere = (await findLetter(view, overflow.key)) !== undefined
    const before = unit.states.get(stream) ?? unknownStream
    const at = unit.clock.now
    const [outcome] = await unit.commit({
      streams: [
        {
          stream,
          state: { ...before, overflow: before.overflow + (isThere ? 0 : 1) },
          hold: [],
          release: [],
          decided: [],
          deliveries: 0,
          redriven: [letter.key],
          deadLetters: [{ ...overflow, at }],
          ledger: [redriveEntry('redriven', letter, { stream, at, by, reason })],
          due: { at: 0 },
        },
      ],
    })
    return outcome === 'committed' ? true : claimLost
  })
}

/** What an operator did with a dead letter, for the ledger. */
export function redriveEntry(
  kind: LedgerEntry['kind'],
  letter: DeadLetter,
  about: Required<Pick<LedgerEntry, 'stream' | 'at' | 'by' | 'reason'>>,
): LedgerEntry {
  const { key, reason, sequence, epoch } = letter
  const range = sequence === undefined ? {} : { from: sequence, to: sequence }
  return {
    kind,
    ...(epoch !== undefined && { epoch }),
    ...range,
    ...about,
    before: { key, reason },
  }
}
