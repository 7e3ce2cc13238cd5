// A store in the memory of the process: for tests, simulations, and work whose loss is no loss. It keeps
// the whole contract of the port except that nothing survives the process, so a worker on it leaves held
// events unsettled.
import { checkNames } from '../core/check-names.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { SequenceStore } from '../ports/sequence-store.ts'
import { systemTimers } from '../ports/timers.ts'
import { checkLimits, limitNames } from '../storage/prepare-append.ts'
import { MemoryData } from './memory/memory-data.ts'
import type { MemoryEventLogOptions } from './memory/memory-event-log.ts'
import { MemoryEventLog } from './memory/memory-event-log.ts'
import { MemorySequenceStore } from './memory/memory-sequence-store.ts'
import type { MemoryStore, MemoryStoreOptions } from './memory/memory-store.ts'
import { MemoryHandle } from './memory/memory-store.ts'

export type { MemoryEventLogOptions, MemoryStore, MemoryStoreOptions }

/**
 * A store in memory. Its data lasts as long as the store, or one made `beside` it, is referred to.
 *
 * @example
 * const store = memoryStore()
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkNames(options, 'memoryStore', ['now', 'timers'] satisfies (keyof MemoryStoreOptions)[])
  return new MemoryHandle(new MemoryData(), { now: Date.now, timers: systemTimers, ...options })
}

/**
 * An event log in memory, for tests: it lasts as long as the object.
 *
 * @throws InturnError `config-invalid` for a limit that cannot be
 * @example
 * const log = memoryEventLog()
 * await log.append({ domain: 'account', stream: '42', events: [{ id: 'e1', type: 'opened', data: {} }] })
 */
export function memoryEventLog(options: MemoryEventLogOptions = {}): EventLog {
  checkNames(options, 'memoryEventLog', ['now', 'pollMs', 'timers', ...limitNames])
  checkLimits('memoryEventLog', options)
  const { pollMs = 100 } = options
  checkCounts('memoryEventLog', { pollMs })
  return new MemoryEventLog({ now: Date.now, pollMs, timers: systemTimers, ...options })
}

/**
 * Where sequencers keep their numbers, in memory: they begin at 1 again with every process.
 *
 * @example
 * const sequences = memorySequences()
 */
export function memorySequences(options: { readonly now?: () => number } = {}): SequenceStore {
  checkNames(options, 'memorySequences', ['now'])
  return new MemorySequenceStore(options.now ?? Date.now)
}
