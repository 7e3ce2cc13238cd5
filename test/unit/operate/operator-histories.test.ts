// I3: whatever an operator does, in any order with arrivals, failures and ends of gaps, every number at or
// below a position has exactly one account, and the books of the store balance. I1: what is delivered under a
// number is the event that bears it.
import { afterEach, describe, expect, test } from 'vitest'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { plainStore } from '../../../src/ports/around-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import { consumer, OperatorHistory } from './operator-history.ts'

const steps = 120
const granted: Record<string, number> = {}

/** Lives a history, and holds its books against each other all the while. */
async function live(seed: number, open: (now: () => number) => Promise<Store>): Promise<boolean> {
  const random = new SeededRandom(seed)
  let now = 1_000_000
  const store = await open(() => now)
  const history = new OperatorHistory(store, random, () => now)
  const view = { reader: store.reader, consumer }
  const check = async (): Promise<void> => {
    const { imbalances, unsettled } = await verifyConsumer(view, history.domains)
    expect({ imbalances, unsettled, problems: history.problems }).toEqual({
      imbalances: [],
      unsettled: [],
      problems: [],
    })
  }
  for (let step = 0; step < steps; step++) {
    await history.step(step)
    now += random.whole(1, 1_000)
    await check()
  }
  now += 100_000
  await history.settle()
  await check()
  for (const [command, times] of Object.entries(history.granted))
    granted[command] = (granted[command] ?? 0) + times
  await history.close()
  return true
}

describe('on the memory store', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', async (seed) => {
    const isOver = live(seed, async (now) => {
      const memory = memoryStore({ now })
      const store = plainStore(memory, { durable: true })
      await store.open()
      return store
    })
    expect(await isOver).toBe(true)
  })

  test('every action was granted many times', () => {
    const commands = ['retry', 'skip', 'fill', 'halt', 'resume', 'pause-domain', 'resume-domain'].concat(
      'seek-forwards',
      'seek-backwards',
      'handed-over',
    )
    for (const command of commands) expect(granted[command] ?? 0, command).toBeGreaterThan(5)
  })
})

describe('on SQLite', () => {
  const folders: SqliteFolder[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) await folder.remove()
  })

  test.each(Array.from({ length: 5 }, (_, seed) => 1_000 + seed))('seed %i', async (seed) => {
    const folder = new SqliteFolder()
    folders.push(folder)
    expect(await live(seed, (now) => folder.store({ now, synchronous: 'normal' }))).toBe(true)
  })
})
