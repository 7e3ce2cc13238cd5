// Which records of a fetch were committed (I3): the same as a model that sees the whole log, wherever the
// fetch begins, however producers' transactions lie in one another, and however they end.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { committedRecords, offsetOf } from '../../../../src/transports/kafka/committed-records.ts'
import type { Batch } from '../../../../src/transports/kafka/fetch-request.ts'

const step = fc.record({
  producer: fc.integer({ min: 0, max: 3 }),
  what: fc.constantFrom<string[]>('plain', 'data', 'data', 'commit', 'abort'),
  records: fc.integer({ min: 1, max: 3 }),
  /** Offsets at the end of a batch that compaction has taken the records of. */
  removed: fc.nat(2),
})

const commit = { what: 'commit', records: 1, removed: 0 }

function batchOf(firstOffset: number, offsets: readonly number[], own: Partial<Batch>): Batch {
  return {
    firstOffset: BigInt(firstOffset),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: 0,
    firstTimestamp: 1_000n,
    maxTimestamp: 2_000n,
    producerId: -1n,
    producerEpoch: 0,
    firstSequence: 0,
    records: offsets.map((offset) => ({
      length: 0,
      attributes: 0,
      timestampDelta: 5n,
      offsetDelta: offset - firstOffset,
      key: null,
      value: Buffer.from(String(offset)),
      headers: [],
    })),
    ...own,
  }
}

/** A log up to its first open transaction, what brokers know of aborts, and which offsets are committed. */
function logOf(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) {
  const batches: { readonly batch: Batch; readonly offsets: readonly number[]; transaction?: object }[] = []
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
      const marker = batchOf(next, [next], { attributes: 0b110000, producerId })
      const key = Buffer.from([0, 0, 0, what === 'abort' ? 0 : 1])
      batches.push({
        batch: { ...marker, records: marker.records.map((one) => ({ ...one, key })) },
        offsets: [],
      })
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
  const seen = batches.filter(({ batch }) => Number(batch.firstOffset) < stable)
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
            ({ firstOffset, lastOffsetDelta }) => Number(firstOffset) + lastOffsetDelta >= at,
          )
          // A broker names the aborted transactions that lie in what it gives, wherever they began.
          const given = records.slice(0, cut)
          const end = Number(given.at(-1)?.firstOffset) + (given.at(-1)?.lastOffsetDelta ?? 0)
          const abortedTransactions = aborted.filter(
            ({ firstOffset, last }) => last >= at && firstOffset <= end,
          )
          const read = committedRecords(at, { batches: given, abortedTransactions })
          found.push(...read.records.map(({ offset }) => offset))
          expect(read.next).toBe(end + 1)
          at = read.next
        }
        expect(found).toEqual(committed.filter((offset) => offset >= from))
      },
    ),
  )
})

test('an answer without records leaves the offset where it is', () => {
  expect(committedRecords(7, { batches: [], abortedTransactions: [] })).toEqual({ records: [], next: 7 })
})

test('a time is that of the producer, or of the broker where the topic says so', () => {
  const times = [0, 0b1000].map((attributes) => {
    const batches = [batchOf(0, [0], { attributes })]
    return committedRecords(0, { batches, abortedTransactions: [] }).records[0]?.timestamp
  })
  expect(times).toEqual([1_005, 2_000])
})

test('an offset that no number holds is refused', () => {
  expect(offsetOf(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => offsetOf(2n ** 53n)).toThrow('beyond 2^53 - 1')
})
