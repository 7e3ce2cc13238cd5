// Which records of a fetch were committed. A transaction that was aborted leaves its records in the log, and
// a broker tells beside them whose they are: an event that never was must not take the number of the real
// one. The rule is that of the Java client (`CompletedFetch`). Upholds I1 and I3.
import type { KafkaRecord as RawRecord } from '@platformatic/kafka'
import { InturnError } from '../../core/errors.ts'
import type { Batch, FetchedPartition } from './fetch-request.ts'

/** A record, and where it lies. */
export interface FetchedRecord extends Pick<RawRecord, 'key' | 'value' | 'headers'> {
  readonly offset: number
  /** In milliseconds since 1970: when its producer made it or, as the topic says, when the broker took it. */
  readonly timestamp: number
}

/** The attributes of a batch, as bits. */
const [hasLogTime, isTransactional, isControl] = [1 << 3, 1 << 4, 1 << 5]
/** The kind of a control record, in its key. */
const abortKind = 0

/** The committed records from an offset on, and the offset behind all that was looked at. */
export function committedRecords(
  from: number,
  { batches, abortedTransactions }: Pick<FetchedPartition, 'batches' | 'abortedTransactions'>,
): { readonly records: readonly FetchedRecord[]; readonly next: number } {
  const aborted = new AbortedProducers(abortedTransactions)
  const committed: FetchedRecord[] = []
  let next = from
  for (const batch of batches) {
    const base = offsetOf(batch.firstOffset)
    const isRead = !aborted.has(batch) && (batch.attributes & isControl) === 0
    if (isRead) {
      for (const record of batch.records) {
        const offset = base + record.offsetDelta
        // A compressed batch is given whole, also where only its end was asked for.
        if (offset < next) continue
        const { key, value, headers } = record
        committed.push({ offset, timestamp: timeOf(batch, record), key, value, headers })
      }
    }
    next = Math.max(next, base + batch.lastOffsetDelta + 1)
  }
  return { records: committed, next }
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
  has(batch: Batch): boolean {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    for (let [begun] = this.#transactions; begun !== undefined && begun.firstOffset <= last;) {
      this.#inside.add(begun.producerId)
      this.#transactions.shift()
      begun = this.#transactions[0]
    }
    if ((batch.attributes & isControl) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(2) === abortKind) this.#inside.delete(batch.producerId)
      return false
    }
    return (batch.attributes & isTransactional) !== 0 && this.#inside.has(batch.producerId)
  }
}

function timeOf(batch: Batch, { timestampDelta }: RawRecord): number {
  const isBrokers = (batch.attributes & hasLogTime) !== 0
  return Number(isBrokers ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta)
}

/** An offset as a number: a log would have to take a billion records a second for 100 days to leave them. */
export function offsetOf(offset: bigint): number {
  const number = Number(offset)
  if (Number.isSafeInteger(number)) return number
  throw new InturnError('source-unavailable', `the offset ${offset} is beyond 2^53 - 1`)
}
