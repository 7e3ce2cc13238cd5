// Snowflake ids: what an id costs beside a bare loop that counts in bigint and one that also reads the clock,
// and how near a generator that keeps to the clock comes to the format's ceiling of 4,096 ids a millisecond.
import { snowflake } from '../src/producer/index.ts'
import type { Rate } from './measure.ts'
import { measure, report } from './measure.ts'

const count = 2_000_000
const ceilingPerSecond = 4_096_000

/** Borrows up to a minute, so that the cost of an id shows and not the ceiling. */
const unpaced = snowflake({ worker: 1, aheadMaxMs: 60_000 })
/** What `take` returns has waited until the clock was there, but for 20 ms. */
const paced = snowflake({ worker: 2, aheadMaxMs: 20 })

/** Keeps the loops from being optimised away. */
let last = 0n

function bareLoop(): number {
  let id = last
  for (let given = 0; given < count; given++) id += 1n
  last = id
  return count
}

function bareLoopWithClock(): number {
  let [id, clock] = [last, 0]
  for (let given = 0; given < count; given++) {
    clock = Math.max(clock, Date.now())
    id += 1n
  }
  last = id + BigInt(clock)
  return count
}

function each(next: () => unknown): number {
  for (let given = 0; given < count; given++) next()
  return count
}

function manyAtOnce(): number {
  for (let given = 0; given < count; given += 1_000) unpaced.nextMany(1_000)
  return count
}

async function takeAll(): Promise<number> {
  for (let given = 0; given < 2 * count; given += 4_000) await paced.take(4_000)
  return 2 * count
}

const costs = await measure([
  { name: 'bare loop: bigint + 1n', run: bareLoop },
  { name: 'bare loop: Date.now, bigint + 1n', run: bareLoopWithClock },
  { name: 'next()', run: () => each(() => unpaced.next()) },
  { name: 'nextText()', run: () => each(() => unpaced.nextText()) },
  { name: 'nextMany(1000), an id', run: manyAtOnce },
])

report(`Snowflake ids, one at a time, ${count} ids a run; not held back by the clock`, costs)

const ceiling: Rate = { name: 'ceiling of the format', perSecond: ceilingPerSecond }
report('Ratio of each to the ceiling of the format', [ceiling, ...costs])
report('Kept to the clock', [ceiling, ...(await measure([{ name: 'take(4000), an id', run: takeAll }]))])
