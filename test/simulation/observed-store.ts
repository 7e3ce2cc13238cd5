import { plainStore, plainUnit } from '../../src/ports/around-store.ts'
// Writes down what becomes durable in a store, at the moment it does: what every check of a simulation
// compares.
import type { InboxEntry } from '../../src/ports/records.ts'
import type { Store, UnitOfWork } from '../../src/ports/store.ts'
import { changesState, wonStream } from '../../src/ports/store.ts'
import type { History } from './history.ts'

/** The store with its changes written down. `durable` is what the simulation says it is. */
export function observedStore(
  store: Store,
  parts: { readonly history: History; readonly worker: string; readonly durable: boolean },
): Store {
  const { history, worker, durable } = parts
  return {
    ...plainStore(store, { durable }),
    work: (request, body) =>
      store.work(request, (unit) => {
        const { consumer } = request
        for (const [stream, { fence }] of unit.streams) {
          history.note({ kind: 'claimed', consumer, stream, fence })
        }
        return body(observedUnit(unit, { history, worker, consumer }))
      }),
    handOver: async (consumer, entries) => {
      const free = await store.handOver(consumer, entries)
      history.note({ kind: 'handed-over', consumer, entries })
      return free
    },
    record: async (consumer, records) => {
      await store.record(consumer, records)
      history.note({ kind: 'recorded', consumer, deadLetters: records.deadLetters ?? [] })
    },
  }
}

function observedUnit(
  unit: UnitOfWork,
  parts: { readonly history: History; readonly worker: string; readonly consumer: string },
): UnitOfWork {
  const { history, worker, consumer } = parts
  const entries = new Map<string, InboxEntry>()
  return {
    ...plainUnit(unit),
    inbox: async (pages) => {
      const read = await unit.inbox(pages)
      for (const entry of read) entries.set(entry.arrivalId, entry)
      return read
    },
    commit: async (commit) => {
      // It happens when the call is made: claims that it releases can be won before it resolves.
      const noted = commit.streams.map((change) => {
        if (!changesState(change)) return undefined
        const { fence } = wonStream(unit, change.stream)
        const decided = change.decided.flatMap((id) => entries.get(id) ?? [])
        return history.note({ kind: 'committed', consumer, worker, fence, change, decided })
      })
      const outcomes = await unit.commit(commit).catch((error: unknown) => {
        for (const happening of noted) history.forget(happening)
        throw error
      })
      noted.forEach((happening, index) => {
        if (outcomes[index] !== 'committed') history.forget(happening)
      })
      const { deadLetters = [] } = commit
      if (deadLetters.length > 0) history.note({ kind: 'recorded', consumer, deadLetters })
      return outcomes
    },
  }
}
