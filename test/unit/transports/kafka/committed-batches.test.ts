// Which records of a fetch were committed (I3): the same as a model that sees the whole log, wherever the
// fetch begins, however producers' transactions lie in one another, and however they end.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { committedBatches } from '../../../../src/transports/kafka/committed-batches.ts'
import type { FetchedPartition } from '../../../../src/transports/kafka/fetch-request.ts'
import type { BatchFields, RecordBatch } from '../../../../src/transports/kafka/record-batch.ts'
import { offsetOf } from '../../../../src/transports/kafka/record-batch.ts'
import { madeBatch } from './made-batch.ts'

const step = fc.record({
  producer: fc.integer({ min: 0, max: 3 }),
  what: fc.constantFrom<string[]>('plain', 'data', 'data', 'commit', 'abort'),
  records: fc.integer({ min: 1, max: 3 }),
  /** Offsets at the end of a batch that compaction has taken the records of. */
  removed: fc.nat(2),
})

const commit = { what: 'commit', records: 1, removed: 0 }

function batchOf(first: number, offsets: readonly number[], own: Partial<BatchFields>): RecordBatch {
  return madeBatch(
    first,
    offsets.map((offset) => ({ offset, value: Buffer.from(String(offset)) })),
    own,
  )
}

/** The committed records from an offset on. */
function committedFrom(
  from: number,
  answer: Pick<FetchedPartition, 'batches' | 'abortedTransactions'>,
): { readonly offsets: readonly number[]; readonly next: number } {
  const { committed, next } = committedBatches(from, answer)
  const offsets = committed.flatMap(({ batch, from: first }) =>
    Array.from({ length: batch.size }, (_, index) => batch.offsetAt(index)).filter((at) => at >= first),
  )
  return { offsets, next }
}

/** A log up to its first open transaction, what brokers know of aborts, and which offsets are committed. */
function logOf(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) {
  const batches: {
    readonly batch: RecordBatch
    readonly offsets: readonly number[]
    transaction?: object
  }[] = []
  const open = new Map<number, { first: number; end?: 'commit' | 'abort' }>()
  const aborted: { producerId: bigint; firstOffset: bigint; last: number }[] = []
  const endOf = new Map<object, 'commit' | 'abort'>()
  let next = 0
  for (const { producer, what, records, removed } of steps) {
    const producerId = BigInt(producer)
    if (what === 'commit' || what === 'abort') {
      const transaction = open.get(producer)
      if (transaction === undefined) continue
      open.delete(producer)
      endOf.set(transaction, what)
      if (what === 'abort') aborted.push({ producerId, firstOffset: BigInt(transaction.first), last: next })
      const key = Buffer.from([0, 0, 0, what === 'abort' ? 0 : 1])
      const batch = madeBatch(next, [{ offset: next, key }], { attributes: 0b110000, producerId })
      batches.push({ batch, offsets: [] })
      next++
      continue
    }
    const offsets = Array.from({ length: records }, (_, index) => next + index)
    const lastOffsetDelta = records + removed - 1
    if (what === 'plain') batches.push({ batch: batchOf(next, offsets, { lastOffsetDelta }), offsets })
    else {
      const transaction = open.get(producer) ?? { first: next }
      open.set(producer, transaction)
      const batch = batchOf(next, offsets, { attributes: 0b10000, producerId, lastOffsetDelta })
      batches.push({ batch, offsets, transaction })
    }
    next += lastOffsetDelta + 1
  }
  const stable = Math.min(next, ...[...open.values()].map(({ first }) => first))
  const seen = batches.filter(({ batch }) => Number(batch.fields.firstOffset) < stable)
  const committed = seen.flatMap(({ offsets, transaction }) =>
    transaction === undefined || endOf.get(transaction) === 'commit' ? offsets : [],
  )
  return { batches: seen.map(({ batch }) => batch), aborted, committed, stable }
}

test('from any offset on, and cut anywhere, exactly the committed records come', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.boolean(),
      fc.nat(60),
      fc.integer({ min: 1, max: 12 }),
      (steps, allEnd, start, cut) => {
        // Where none is open any more nothing ends the log early.
        const ends = allEnd ? [0, 1, 2, 3].map((producer) => ({ ...commit, producer })) : []
        const { batches, aborted, committed, stable } = logOf([...steps, ...ends])
        const from = Math.min(start, stable)
        const found: number[] = []
        let at = from
        while (at < stable) {
          const records = batches.filter(
            ({ fields }) => Number(fields.firstOffset) + fields.lastOffsetDelta >= at,
          )
          // A broker names the aborted transactions that lie in what it gives, wherever they began.
          const given = records.slice(0, cut)
          const last = given.at(-1)?.fields
          const end = Number(last?.firstOffset) + (last?.lastOffsetDelta ?? 0)
          const abortedTransactions = aborted.filter(
            ({ firstOffset, last }) => last >= at && firstOffset <= end,
          )
          const read = committedFrom(at, { batches: given, abortedTransactions })
          found.push(...read.offsets)
          expect(read.next).toBe(end + 1)
          at = read.next
        }
        expect(found).toEqual(committed.filter((offset) => offset >= from))
      },
    ),
  )
})

test('an answer without records leaves the offset where it is', () => {
  expect(committedFrom(7, { batches: [], abortedTransactions: [] })).toEqual({ offsets: [], next: 7 })
})

test('a time is that of the producer, or of the broker where the topic says so', () => {
  const times = [0, 0b1000].map((attributes) => batchOf(0, [0], { attributes }).recordAt(0).timestamp)
  expect(times).toEqual([1_005, 2_000])
})

test('an offset that no number holds is refused', () => {
  expect(offsetOf(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => offsetOf(2n ** 53n)).toThrow('beyond 2^53 - 1')
})
