// What a group is told of a partition (I4): in any order of fetching, giving out and settling, an offset that
// is committed has nothing in front of it that is not settled, and whoever begins there is given exactly what
// is not.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Partition } from '../../../../src/transports/kafka/partition.ts'
import { settledRuns } from '../../../../src/transports/kafka/settled-runs.ts'
import { madeBatch } from './made-batch.ts'

const step = fc.oneof(
  // Records of one batch: the distance of each from the one before, where control records lie between.
  fc.record({ gaps: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 6 }), tail: fc.nat(2) }),
  fc.record({ take: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ settle: fc.nat() }),
  fc.constant('commit' as const),
  fc.constant('move' as const),
)

function fresh(): Partition {
  return new Partition({ topic: 'clicks', partition: 3 }, { topicId: 'id', unsettledMax: 100 })
}

/** What a leader answers with records at these offsets. */
function answer(offsets: readonly number[], from: number, tail: number) {
  const last = (offsets.at(-1) ?? from - 1) + tail
  const records = offsets.map((offset) => ({ offset, value: Buffer.from('{}') }))
  return {
    topicId: 'id',
    partition: 3,
    errorCode: 0,
    end: BigInt(last + 1),
    abortedTransactions: [],
    batches: last < from ? [] : [madeBatch(from, records, { lastOffsetDelta: last - from })],
  }
}

/** A log that grows, and the partition of whoever has it now. */
class World {
  #partition = fresh()
  readonly #batches: { readonly from: number; readonly offsets: readonly number[]; readonly tail: number }[] =
    []
  readonly #settled = new Set<number>()
  #given: { readonly offset: number; readonly ticket: number }[] = []
  #end = 0
  #committed = 0

  constructor() {
    this.#partition.begin(0)
  }

  grow(gaps: readonly number[], tail: number): void {
    const offsets: number[] = []
    let last = this.#end - 1
    for (const gap of gaps) offsets.push((last += gap))
    this.#batches.push({ from: this.#end, offsets, tail })
    this.#end = last + tail + 1
    this.#fetch()
  }

  take(max: number): void {
    this.#given.push(
      ...this.#partition.take(max).map(({ record, ticket }) => ({ offset: record.offset, ticket })),
    )
  }

  settle(pick: number): void {
    const [one] = this.#given.splice(pick % Math.max(1, this.#given.length), 1)
    if (one === undefined) return
    this.#settled.add(one.offset)
    this.#partition.settle(one.ticket)
  }

  /** Commits, and says what of that is not true; `moves`: another member has the partition from here on. */
  commit(moves: boolean): readonly string[] {
    const { toCommit } = this.#partition
    if (toCommit === undefined) return []
    const before = this.#committed
    this.#committed = toCommit.offset
    this.#partition.hasCommitted(toCommit)
    const offsets = this.#batches.flatMap((batch) => batch.offsets)
    const open = offsets.filter((offset) => !this.#settled.has(offset))
    const runs = settledRuns(toCommit.offset, toCommit.metadata)
    const isOpen = (first: number, last: number): boolean => open.some((one) => first <= one && one <= last)
    const wrong = runs
      .filter(({ first, last }) => isOpen(first, last))
      .map(({ first, last }) => `${first} to ${last} are not settled`)
    if (toCommit.offset < before) wrong.push(`${toCommit.offset} is committed after ${before}`)
    if (isOpen(0, toCommit.offset - 1)) wrong.push(`not all in front of ${toCommit.offset} is settled`)
    if (this.#partition.toCommit !== undefined) wrong.push('it is committed twice')
    if (!moves) return wrong
    this.#partition = fresh()
    this.#given = []
    this.#partition.begin(toCommit.offset, toCommit, runs)
    this.#fetch()
    this.take(1_000)
    const again = this.#given.map(({ offset }) => offset).join()
    return again === open.join() ? wrong : [...wrong, `${again} came again, and ${open.join()} were open`]
  }

  /** A leader gives batches whole, also where only the end of one was asked for. */
  #fetch(): void {
    for (const { from, offsets, tail } of this.#batches) {
      const next = this.#partition.next ?? 0
      const end = (offsets.at(-1) ?? from - 1) + tail + 1
      if (end > next) this.#partition.accept(next, answer(offsets, from, tail))
    }
  }
}

test('nothing that is not settled lies in front of what is committed, and only that comes again', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const world = new World()
      const wrong: string[] = []
      for (const does of steps) {
        if (does === 'commit' || does === 'move') wrong.push(...world.commit(does === 'move'))
        else if ('gaps' in does) world.grow(does.gaps, does.tail)
        else if ('take' in does) world.take(does.take)
        else world.settle(does.settle)
      }
      expect(wrong).toEqual([])
    }),
  )
})

test('where everything is settled the offset of the fetch is committed, whatever lies in front of it', () => {
  const partition = fresh()
  partition.begin(5)
  partition.accept(5, answer([5, 6], 5, 3))
  expect(partition.toCommit).toEqual({ offset: 5, metadata: '' })
  for (const { ticket } of partition.take(2)) partition.settle(ticket)
  expect(partition.toCommit).toEqual({ offset: 10, metadata: '' })
})

test('a partition that is lost takes nothing in, and tells nothing', () => {
  const partition = fresh()
  partition.begin(0)
  partition.accept(0, answer([0, 1], 0, 0))
  const [first] = partition.take(1)
  partition.isLost = true
  partition.settle(first?.ticket ?? -1)
  partition.accept(2, answer([2], 2, 0))
  expect([partition.toCommit, partition.next]).toEqual([undefined, 2])
})

test('what retention took is given out by ranges, without what was settled of it before', () => {
  const partition = fresh()
  const runs = [
    { first: 7, last: 8 },
    { first: 12, last: 30 },
  ]
  partition.begin(5, { offset: 5, metadata: '' }, runs)
  partition.skipTo(20)
  const lost = partition.take(9)
  expect(lost.map(({ lostFrom, record }) => [lostFrom, record.offset])).toEqual([
    [5, 6],
    [9, 11],
  ])
  expect(partition.toCommit).toBeUndefined()
  partition.accept(20, answer([20, 30, 31], 20, 0))
  const [left] = partition.take(9)
  expect(left?.record.offset).toBe(31)
  for (const { ticket } of lost) partition.settle(ticket)
  expect(partition.toCommit?.offset).toBe(31)
})

test('how far behind it is counts from the first offset that is not settled to the end', () => {
  const partition = fresh()
  expect(partition.behind).toBeUndefined()
  partition.begin(0)
  partition.accept(0, answer([0, 1, 2], 0, 2))
  expect(partition.behind).toBe(5)
  const [first, ...rest] = partition.take(3)
  partition.settle(first?.ticket ?? -1)
  expect(partition.behind).toBe(4)
  for (const { ticket } of rest) partition.settle(ticket)
  expect(partition.behind).toBe(0)
})

test('one that was stopped is asked again later, and goes on once an answer can be read', () => {
  const partition = fresh()
  partition.begin(0)
  partition.stop('it is corrupt', 100)
  expect([partition.mayFetch(99), partition.mayFetch(100), partition.problem]).toEqual([
    false,
    true,
    'it is corrupt',
  ])
  partition.accept(0, { ...answer([0], 0, 0), problem: 'still' })
  expect([partition.problem, partition.next]).toEqual(['it is corrupt', 1])
  partition.accept(1, answer([1], 1, 0))
  expect([partition.problem, partition.mayFetch(0)]).toEqual([undefined, true])
})

test('records that were given out are let go, also where there are always more', async () => {
  const partition = fresh()
  partition.begin(0)
  const given: WeakRef<object>[] = []
  for (let from = 0; from < 1_000; from += 10) {
    const offsets = [...Array(10).keys()].map((at) => from + at)
    partition.accept(from, answer(offsets, from, 0))
    // Ten always wait.
    const taken = from === 0 ? [] : partition.take(10)
    for (const { record, ticket } of taken) {
      given.push(new WeakRef(record))
      partition.settle(ticket)
    }
  }
  // What a weak reference was made of lives to the end of its turn.
  await new Promise(setImmediate)
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  expect(given).toHaveLength(990)
  expect(given.filter((record) => record.deref() !== undefined).length).toBeLessThan(30)
})

test('no more is given out than is asked for, in order, whatever batches it lies in', () => {
  const partition = fresh()
  partition.begin(0)
  partition.accept(0, answer([0, 1, 3], 0, 0))
  partition.accept(4, answer([4, 5], 4, 0))
  const given = [2, 2, 2].map((max) => partition.take(max).map(({ record }) => record.offset))
  expect(given).toEqual([[0, 1], [3, 4], [5]])
  expect([partition.waitingBytes, partition.unread]).toEqual([0, 6])
})
