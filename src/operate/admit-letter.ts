// Puts a dead letter that is readable now into the inbox of its stream, which decides it in order. Upholds
// I3: it is in the inbox before it is no dead letter any more; a second copy of it would be a duplicate.
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter, InboxEntry, LedgerEntry } from '../ports/records.ts'
import { findLetter } from './dead-letter-selection.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { claimLost, withClaim } from './with-claim.ts'

/** What to admit. */
export interface Admission {
  readonly letter: DeadLetter
  /** The stream that it belongs to. */
  readonly stream: StreamPath
  /** What it reads as. */
  readonly arrival: InboxEntry['arrival']
}

/**
 * Admits a dead letter; `false` where it is gone.
 *
 * @throws InturnError `stream-busy`
 */
export async function admitLetter(
  target: OperatorTarget,
  { by, reason, waitMs }: Operator & { readonly waitMs?: number },
  { letter, stream, arrival }: Admission,
): Promise<boolean> {
  const { store, consumer } = target
  const view = { reader: store.reader, consumer }
  const claim = { stream, by, ...(waitMs !== undefined && { waitMs }) }
  let isKept = false
  return withClaim(target, claim, async (unit) => {
    // Of two operators one has the claim, and the other finds nothing more.
    if ((await findLetter(view, letter.key)) === undefined) return false
    if (!isKept) await store.handOver(consumer, [{ stream, arrival }])
    isKept = true
    const ledger = [redriveEntry('redriven', letter, { stream, at: unit.clock.now, by, reason })]
    const records = { stream, decided: [], deadLetters: [], redriven: [letter.key], ledger }
    const [outcome] = await unit.commit({ streams: [records] })
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
