// A store with something put around each of its calls, those inside a unit of work included.
import type { AroundCall } from './port-call.ts'
import { countedCalls } from './port-call.ts'
import type { Store, UnitOfWork } from './store.ts'

/** The calls of a store; `unit.` are those inside a unit of work. */
export type StoreMethod =
  | Exclude<keyof Store, 'name' | 'durable' | 'effects' | 'reader' | 'migrationSql'>
  | `unit.${'held' | 'inbox' | 'knownIds' | 'commit' | 'savepoint'}`

/** Wraps a store so that every call goes through `around`. Reading for people is left as it is. */
export function aroundStore<Transaction, Commands>(
  store: Store<Transaction, Commands>,
  around: AroundCall<StoreMethod>,
): Store<Transaction, Commands> {
  const run = countedCalls(around)
  return {
    name: store.name,
    durable: store.durable,
    effects: store.effects,
    reader: store.reader,
    open: () => run('open', () => store.open()),
    now: () => run('now', () => store.now()),
    close: () => run('close', () => store.close()),
    work: (request, body) => run('work', () => store.work(request, (unit) => body(aroundUnit(unit, run)))),
    handOver: (consumer, entries) => run('handOver', () => store.handOver(consumer, entries)),
    record: (consumer, records) => run('record', () => store.record(consumer, records)),
    due: (consumer, limit, domains) => run('due', () => store.due(consumer, limit, domains)),
    heartbeat: (consumer, worker, silentMs) =>
      run('heartbeat', () => store.heartbeat(consumer, worker, silentMs)),
    leave: (consumer, worker) => run('leave', () => store.leave(consumer, worker)),
    lease: (name, request) => run('lease', () => store.lease(name, request)),
    checkpoint: (consumer, source) => run('checkpoint', () => store.checkpoint(consumer, source)),
    saveCheckpoint: (consumer, source, value) =>
      run('saveCheckpoint', () => store.saveCheckpoint(consumer, source, value)),
  }
}

type RunCall = <Result>(method: StoreMethod, run: () => Promise<Result>) => Promise<Result>

function aroundUnit<Transaction, Commands>(
  unit: UnitOfWork<Transaction, Commands>,
  run: RunCall,
): UnitOfWork<Transaction, Commands> {
  return {
    clock: unit.clock,
    streams: unit.streams,
    busy: unit.busy,
    domains: unit.domains,
    transaction: unit.transaction,
    ...(unit.commands !== undefined && { commands: unit.commands }),
    signal: unit.signal,
    get isUndone() {
      return unit.isUndone
    },
    get fault() {
      return unit.fault
    },
    held: (ranges) => run('unit.held', () => unit.held(ranges)),
    inbox: (pages) => run('unit.inbox', () => unit.inbox(pages)),
    knownIds: (domain, ids) => run('unit.knownIds', () => unit.knownIds(domain, ids)),
    commit: (commit) => run('unit.commit', () => unit.commit(commit)),
    savepoint: (body) => run('unit.savepoint', () => unit.savepoint(body)),
    ...(unit.atOnce !== undefined && { atOnce: async (body) => unit.atOnce?.(body) }),
  }
}
