// Drops dead letters for good: each is forgotten in one commit with the ledger entry that says what it was,
// who dropped it, and why. Upholds I3: nothing is dropped without a trace.
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter, LedgerEntry } from '../ports/records.ts'
import type { DeadLetterSelection, RefusedLetter } from './dead-letter-selection.ts'
import { eachSelected, findLetter } from './dead-letter-selection.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { checkOperator } from './operator-options.ts'
import { claimLost, withClaim } from './with-claim.ts'

/** Which dead letters to drop, by whom, and why. */
export interface DropLetters extends DeadLetterSelection, Operator {
  /** How long to wait for a busy stream. Default 10,000 ms. */
  readonly waitMs?: number
}

/** What became of them. */
export interface DroppedLetters {
  readonly dropped: number
  /** Gone meanwhile: somebody else was quicker. */
  readonly gone: number
  /** Every dead letter can be dropped: 0, and none. */
  readonly refused: number
  readonly refusals: readonly RefusedLetter[]
}

const chunkMax = 500

/**
 * Drops dead letters, those of a stream under its claim: one that is being tried again is dropped afterwards,
 * if it is still there.
 *
 * @throws InturnError `usage` without a name, a reason or a selection; `operation-refused` for an unknown
 * key; `stream-busy`
 */
export async function dropDeadLetters(target: OperatorTarget, request: DropLetters): Promise<DroppedLetters> {
  checkOperator(request)
  const { store, consumer } = target
  let [dropped, gone] = [0, 0]
  let chunk: DeadLetter[] = []
  const flush = async (): Promise<void> => {
    const letters = chunk
    chunk = []
    const count = await dropChunk(target, request, letters)
    dropped += count
    gone += letters.length - count
  }
  for await (const letter of eachSelected({ reader: store.reader, consumer }, request)) {
    chunk.push(letter)
    if (chunk.length >= chunkMax) await flush()
  }
  await flush()
  return { dropped, gone, refused: 0, refusals: [] }
}

async function dropChunk(
  target: OperatorTarget,
  request: DropLetters,
  letters: readonly DeadLetter[],
): Promise<number> {
  let count = 0
  for (const [stream, own] of Map.groupBy(letters, (letter) => letter.stream)) {
    count += await (stream === undefined
      ? dropUnclaimed(target, request, own)
      : dropOfStream(target, request, { stream, letters: own }))
  }
  return count
}

async function dropOfStream(
  target: OperatorTarget,
  request: DropLetters,
  { stream, letters }: { readonly stream: StreamPath; readonly letters: readonly DeadLetter[] },
): Promise<number> {
  const { by, waitMs } = request
  return withClaim(target, { stream, by, ...(waitMs !== undefined && { waitMs }) }, async (unit) => {
    const there = await stillThere(target, letters)
    const ledger = there.map((letter) => entryOf(letter, request, unit.clock.now))
    const redriven = there.map(({ key }) => key)
    const records = { stream, decided: [], deadLetters: [], redriven, ledger }
    const [outcome] = await unit.commit({ streams: [records] })
    return outcome === 'committed' ? there.length : claimLost
  })
}

/** Messages that named no stream: there is nothing to claim. */
async function dropUnclaimed(
  target: OperatorTarget,
  request: DropLetters,
  letters: readonly DeadLetter[],
): Promise<number> {
  const { store, consumer } = target
  const there = await stillThere(target, letters)
  const at = await store.now()
  const ledger = there.map((letter) => entryOf(letter, request, at))
  await store.record(consumer, { redriven: there.map(({ key }) => key), ledger })
  return there.length
}

async function stillThere(
  { store, consumer }: OperatorTarget,
  letters: readonly DeadLetter[],
): Promise<readonly DeadLetter[]> {
  const view = { reader: store.reader, consumer }
  const there: DeadLetter[] = []
  for (const { key } of letters) {
    const letter = await findLetter(view, key)
    if (letter !== undefined) there.push(letter)
  }
  return there
}

function entryOf(letter: DeadLetter, { by, reason }: DropLetters, at: number): LedgerEntry {
  const { stream, epoch, sequence, key, id, attempts, detail } = letter
  const about = {
    ...(stream !== undefined && { stream }),
    ...(epoch !== undefined && { epoch }),
    ...(sequence !== undefined && { from: sequence, to: sequence }),
  }
  const before = {
    key,
    reason: letter.reason,
    detail,
    ...(id !== undefined && { id }),
    ...(sequence !== undefined && { sequence }),
    ...(attempts !== undefined && { attempts }),
  }
  return { kind: 'dropped', ...about, at, by, reason, before }
}
