// A memory store on virtual time, for one case of the suite.
import type { MemoryStore } from '../../../src/stores/memory.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { StoreCapabilities, StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

export const memoryCapabilities: StoreCapabilities = {
  transaction: 'a handler has nothing to write to in memory',
  commands: 'a handler has nothing to run in memory',
  handles: true,
  readsBeside: true,
  durable: 'memory ends with the process',
}

const claimMs = 30_000
const start = 1_700_000_000_000

export async function memoryFixture(): Promise<StoreFixture & { readonly store: MemoryStore }> {
  const timers = new VirtualTimers()
  const store = memoryStore({ now: () => start + timers.elapsedMs(), timers })
  await store.open()
  return {
    store,
    claimMs,
    advanceTime: (ms) => timers.advance(ms),
    secondHandle: async () => {
      const second = store.beside()
      await second.open()
      return second
    },
    stalledHandle: async () => {
      const own = new VirtualTimers()
      const stalled = store.beside({ timers: own })
      await stalled.open()
      return { store: stalled, resume: () => own.advance(claimMs / 2) }
    },
    cleanup: () => store.close(),
  }
}
