// Which records of a fetch were committed. A transaction that was aborted leaves its records in the log, and
// a broker tells beside them whose they are: an event that never was must not take the number of the real
// one. The rule is that of the Java client (`CompletedFetch`). Upholds I1 and I3.
import type { FetchedPartition } from './fetch-request.ts'
import type { RecordBatch } from './record-batch.ts'
import { offsetOf } from './record-batch.ts'

/** The attributes of a batch, as bits. */
const [isTransactional, isControl] = [1 << 4, 1 << 5]
/** The kind of a control record, in its key. */
const abortKind = 0

/** A batch of which the records from an offset on are to be read. */
interface CommittedBatch {
  readonly batch: RecordBatch
  /** A compressed batch is given whole, also where only its end was asked for. */
  readonly from: number
}

/** The committed batches from an offset on, and the offset behind all that was looked at. */
export function committedBatches(
  from: number,
  { batches, abortedTransactions }: Pick<FetchedPartition, 'batches' | 'abortedTransactions'>,
): { readonly committed: readonly CommittedBatch[]; readonly next: number } {
  const aborted = new AbortedProducers(abortedTransactions)
  const committed: CommittedBatch[] = []
  let next = from
  for (const batch of batches) {
    const { firstOffset, lastOffsetDelta, attributes } = batch.fields
    const isRead = !aborted.has(batch) && (attributes & isControl) === 0
    if (isRead) committed.push({ batch, from: next })
    next = Math.max(next, offsetOf(firstOffset) + lastOffsetDelta + 1)
  }
  return { committed, next }
}

/** Follows which producers are inside of a transaction that was aborted. */
class AbortedProducers {
  readonly #transactions: { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly #inside = new Set<bigint>()

  constructor(transactions: FetchedPartition['abortedTransactions']) {
    this.#transactions = [...transactions].sort((one, other) =>
      one.firstOffset < other.firstOffset ? -1 : 1,
    )
  }

  /** Whether a batch belongs to a transaction that was aborted. Batches are asked in the order of the log. */
  has(batch: RecordBatch): boolean {
    const { firstOffset, lastOffsetDelta, attributes, producerId } = batch.fields
    const last = firstOffset + BigInt(lastOffsetDelta)
    for (let [begun] = this.#transactions; begun !== undefined && begun.firstOffset <= last;) {
      this.#inside.add(begun.producerId)
      this.#transactions.shift()
      begun = this.#transactions[0]
    }
    if ((attributes & isControl) !== 0) {
      const isAbort = batch.size > 0 && batch.recordAt(0).key?.readInt16BE(2) === abortKind
      if (isAbort) this.#inside.delete(producerId)
      return false
    }
    return (attributes & isTransactional) !== 0 && this.#inside.has(producerId)
  }
}
