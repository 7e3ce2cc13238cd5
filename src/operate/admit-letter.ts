// Puts a dead letter that is readable now into the inbox of its stream, which decides it in order. Upholds
// I3: it is in the inbox before it is no dead letter any more; a second copy of it would be a duplicate. And
// I1: where its counter has gone on meanwhile, it is not taken for an event of another turn.
import { counterOf, onWire } from '../core/counter.ts'
import { turnsOf } from '../core/half-turn.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter, InboxEntry, LedgerEntry } from '../ports/records.ts'
import { placeOnWire } from '../ports/store.ts'
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
  readonly rules: StreamRules
  /** Which number it bears, where its counter wraps: without wrapping. */
  readonly sequence?: Sequence
}

/** What became of it: it is in the inbox, it is gone, or why it was left as it is. */
export type Admitted = 'admitted' | 'gone' | { readonly why: string }

/**
 * Admits a dead letter.
 *
 * @throws InturnError `stream-busy`
 */
export async function admitLetter(
  target: OperatorTarget,
  { by, reason, waitMs }: Operator & { readonly waitMs?: number },
  admission: Admission,
): Promise<Admitted> {
  const { letter, stream, arrival } = admission
  const { store, consumer } = target
  const view = { reader: store.reader, consumer }
  const claim = { stream, by, ...(waitMs !== undefined && { waitMs }) }
  let isKept = false
  return withClaim(target, claim, async (unit) => {
    // Of two operators one has the claim, and the other finds nothing more.
    if ((await findLetter(view, letter.key)) === undefined) return 'gone'
    const placed = placeOf(admission, unit.streams.get(stream)?.state ?? unknownStream)
    if ('why' in placed) return placed
    if (!isKept) await store.handOver(consumer, [{ stream, arrival, ...placed }])
    isKept = true
    const ledger = [redriveEntry('redriven', letter, { stream, at: unit.clock.now, by, reason })]
    const records = { stream, decided: [], deadLetters: [], redriven: [letter.key], ledger }
    const [outcome] = await unit.commit({ streams: [records] })
    return outcome === 'committed' ? 'admitted' : claimLost
  })
}

/** The number that it bears, where its counter wraps; or why nobody can tell. */
function placeOf(
  { arrival, rules, sequence }: Admission,
  state: StreamState,
): Pick<InboxEntry, 'known'> | { readonly why: string } {
  const { epoch, sequence: wire } = placeOnWire(arrival)
  const counter = counterOf(rules.numbering)
  if (sequence !== undefined) {
    if (onWire(counter, sequence) === wire) return counter === undefined ? {} : { known: sequence }
    return { why: `its number is ${wire}, which ${sequence} is not` }
  }
  if (counter === undefined) return {}
  if (state.runs.length > 0) return { why: 'its producer has counted again: name its number' }
  const turns = turnsOf(rules, state, { epoch, wire: Number(wire) })
  if (turns === undefined) return {}
  const { from, to } = turns
  if (from === to) return { known: from }
  const isTwo = to - from === counter.modulus
  const others = isTwo ? `or ${to}` : `${from + counter.modulus} and so on up to ${to}`
  return {
    why: `its number ${wire} may stand for ${from}${isTwo ? ' ' : ', '}${others}: name the one that it bears`,
  }
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
