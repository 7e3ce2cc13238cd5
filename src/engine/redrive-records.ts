// What a dead letter that is tried again becomes at each step: begun, gone, or kept with what was wrong this
// time. Upholds I3: whatever happens in between, it is either done or still there, and the ledger says so.
import type { InturnEvent } from '../core/event.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { errorText, keptStack } from '../core/thrown.ts'
import type { DeadLetter, LedgerEntry, Redrive } from '../ports/records.ts'
import type { StreamRecords } from '../ports/store.ts'

/** A dead letter whose attempt has begun, and is durable as such. */
export interface BegunRedrive {
  readonly stream: StreamPath
  readonly redrive: Redrive
  readonly event: InturnEvent
  /** As it was before. */
  readonly letter: DeadLetter
  /** From 1; those before the event became a dead letter count. */
  readonly attempt: number
}

const detailMax = 500
const beginning = 'tried again, and not ended yet; before: '

/** The records of an attempt that begins: whatever becomes of its worker, the attempt is counted. */
export function beginRecords(begun: BegunRedrive, decided: readonly string[]): StreamRecords {
  const { stream, letter, attempt } = begun
  const detail = `${beginning}${lastDetail(letter)}`.slice(0, detailMax)
  return replacing(stream, { letter: { ...letter, attempts: attempt, detail }, decided, ledger: [] })
}

/** The records of an attempt that succeeded. */
export function doneRecords(begun: BegunRedrive, now: number): StreamRecords {
  const { stream, redrive } = begun
  const ledger = [entryOf(begun, { kind: 'redriven', at: now, reason: redrive.reason })]
  return { stream, decided: [], deadLetters: [], redriven: [redrive.key], ledger }
}

/** The records of an attempt that failed: the dead letter stays, with its new error. */
export function failedRecords(
  begun: BegunRedrive,
  failed: { readonly error: unknown; readonly now: number },
): StreamRecords {
  const { stream, letter, attempt, redrive } = begun
  const { now } = failed
  const error = errorText(failed.error)
  const detail = error.slice(0, detailMax)
  const reason = `${redrive.reason} (it failed again: ${error})`
  const ledger = [entryOf(begun, { kind: 'redrive-failed', at: now, reason })]
  const { stack: _, ...rest } = letter
  const tried = { ...rest, attempts: attempt, detail, ...keptStack(failed.error) }
  return replacing(stream, { letter: tried, decided: [], ledger })
}

/** What was wrong before an attempt that has begun, and of which no end is known. */
function lastDetail({ detail }: DeadLetter): string {
  return detail.startsWith(beginning) ? detail.slice(beginning.length) : detail
}

function replacing(
  stream: StreamPath,
  { letter, decided, ledger }: Pick<StreamRecords, 'decided' | 'ledger'> & { readonly letter: DeadLetter },
): StreamRecords {
  return { stream, decided, redriven: [letter.key], deadLetters: [letter], ledger }
}

function entryOf(
  { stream, redrive, letter }: BegunRedrive,
  what: Pick<LedgerEntry, 'kind' | 'at' | 'reason'>,
): LedgerEntry {
  const { key, reason, epoch, sequence, attempts } = letter
  return {
    stream,
    ...(epoch !== undefined && { epoch }),
    ...(sequence !== undefined && { from: sequence, to: sequence }),
    ...what,
    by: redrive.by,
    before: { key, reason, ...(attempts !== undefined && { attempts }) },
  }
}
