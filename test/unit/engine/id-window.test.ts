// The id window of domains without tracking on both stores: copies are removed as long and as many as it
// says, by every worker of the consumer, also after a restart.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { Store } from '../../../src/ports/store.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import { domain, EngineWorld, event, Gate, verdictsOf } from './engine-world.ts'

let folder: SqliteFolder
let nowMs = 0
const now = (): number => nowMs
beforeEach(() => {
  folder = new SqliteFolder()
  nowMs = 1_700_000_000_000
})
afterEach(() => folder.remove())

/** Ids that are processed by a processor of its own, which is closed again: `new` or `copy` of each. */
async function see(store: Store, window: object, ids: readonly string[]): Promise<string> {
  const effects = store.about.effects === 'transaction' ? 'transaction' : 'external'
  const numbering = unordered({ idWindow: window })
  const click = domain({ numbering, effects, handle: () => undefined })
  const processor = createProcessor({ consumer: 'billing', store, domains: { click } })
  const results = await processor.process(ids.map((id) => ({ domain: 'click', id, data: {} })))
  return verdictsOf(results).join(' ').replaceAll('deliver', 'new').replaceAll('duplicate', 'copy')
}

const stores = {
  'a memory store': () => {
    const memory = memoryStore({ now })
    return async (): Promise<Store> => memory.beside()
  },
  'a SQLite store': () => async (): Promise<Store> => folder.store({ now }),
}

for (const [name, make] of Object.entries(stores)) {
  describe(`the id window on ${name}`, () => {
    it('outlasts the worker: another one, on another handle, knows the ids (I2)', async () => {
      const open = make()
      const first = await open()
      expect(await see(first, {}, ['a', 'b', 'a'])).toBe('new new copy')
      await first.close()
      expect(await see(await open(), {}, ['a', 'b', 'c'])).toBe('copy copy new')
    })

    it('ends with its time; a copy in between does not make it longer (I7)', async () => {
      const open = make()
      const window = { ms: 10_000 }
      expect(await see(await open(), window, ['a'])).toBe('new')
      nowMs += 9_999
      expect(await see(await open(), window, ['a'])).toBe('copy')
      nowMs += 1
      expect(await see(await open(), window, ['a', 'b'])).toBe('new new')
    })

    it('has room for so many ids, and forgets the oldest first (I7)', async () => {
      const open = make()
      const window = { ids: 3 }
      expect(await see(await open(), window, ['a', 'b'])).toBe('new new')
      expect(await see(await open(), window, ['c', 'd'])).toBe('new new')
      expect(await see(await open(), window, ['d', 'c', 'b'])).toBe('copy copy copy')
      expect(await see(await open(), window, ['a'])).toBe('new')
    })
  })
}

describe('copies of what is under way', () => {
  const click = (fields: object): Processor => {
    const numbering = unordered({ idWindow: {} })
    return world.processor({ numbering, handle: gated, ...fields }, { batch: 2 })
  }
  let world: EngineWorld
  let gate: Gate
  const gated = async (called: InturnEvent): Promise<void> => {
    world.calls.push(called.id ?? '')
    await gate.wait()
  }
  beforeEach(() => {
    world = new EngineWorld()
    gate = new Gate()
  })

  it.each([
    ['another call brings', 1],
    ['a later batch of the same call has', 3],
  ])('that %s wait for its end, and are duplicates (I2)', async (_which, length) => {
    const processor = click({})
    const all = [event('a', 1), event('b', 1), event('a', 1), event('c', 1)]
    const first = processor.process(all.slice(0, length))
    const second = processor.process(all.slice(length))
    await gate.reached
    gate.open()
    expect(verdictsOf([...(await first), ...(await second)])).toEqual([
      'deliver',
      'deliver',
      'duplicate',
      'deliver',
    ])
    expect(world.calls.toSorted()).toEqual(['a-1', 'b-1', 'c-1'])
  })

  it('are handled if that has failed with its store: nobody has processed it (I3)', async () => {
    const store = world.store({ plan: faultAt('unit.commit', 1, { fail: 'before' }) })
    const numbering = unordered({ idWindow: {} })
    const processor = world.processor({ numbering, handle: gated }, { store })
    const first = processor.process([event('a', 1)])
    const second = processor.process([event('a', 1)])
    await gate.reached
    gate.open()
    await expect(first).rejects.toMatchObject({ retryable: true })
    expect(verdictsOf(await second)).toEqual(['deliver'])
    expect(world.calls).toEqual(['a-1', 'a-1'])
  })

  it('two calls that have copies of each other, in any order, both end', async () => {
    const processor = click({})
    const [a, b] = [event('a', 1), event('b', 1)]
    const calls = [processor.process([a, b]), processor.process([b, a]), processor.process([a, b])]
    await gate.reached
    gate.open()
    const ends = await Promise.all(calls)
    expect(ends.flatMap(verdictsOf).filter((verdict) => verdict === 'duplicate')).toHaveLength(4)
    expect(world.calls).toEqual(['a-1', 'b-1'])
  })
})
