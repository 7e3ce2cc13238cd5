// The id window of domains without tracking on both stores: copies are removed as long and as many as it
// says, by every worker of the consumer, also after a restart.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Store } from '../../../src/ports/store.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import { domain, verdictsOf } from './engine-world.ts'

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
