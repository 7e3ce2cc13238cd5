// A store in the memory of the process: for tests, simulations, and work whose loss is no loss. It keeps
// the whole contract of the port except that nothing survives the process, so a worker on it leaves held
// events unsettled.
import { systemTimers } from '../ports/timers.ts'
import { MemoryData } from './memory/memory-data.ts'
import type { MemoryStore, MemoryStoreOptions } from './memory/memory-store.ts'
import { MemoryHandle } from './memory/memory-store.ts'

export type { MemoryStore, MemoryStoreOptions }

/**
 * A store in memory. Its data lasts as long as the store, or one made `beside` it, is referred to.
 *
 * @example
 * const store = memoryStore()
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new MemoryHandle(new MemoryData(), { now: Date.now, timers: systemTimers, ...options })
}
